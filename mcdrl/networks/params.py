"""Parameters that several methods have, in parts: a method's `Params` takes those that it needs.

Values stand in params.yaml alone (`method_params`); here are types, bounds and where each shipped value comes from.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from mcdrl.base.section import Most, Section, Share, Weight, distinct

CONTROLS = ("random", "shuffled", "zero")  # dictionaries that hold no text; they go without L_causal

Heads = Annotated[int, Field(ge=1), Most(256, "a head would be left with a few channels")]


class InterventionParams(Section):
    """The causal intervention.

    Attributes:
        depth: decoder blocks; three is the best of the paper's ablation (arXiv 2508.05008).
        heads: attention heads of a block, a divisor of the joint width; our choice.
        dictionary: what the intervention attends to; text is the paper's; random, shuffled and zero are our controls,
            which go without L_causal, whose targets are texts.
        head_inputs: what the head sees: the tokens with the intermediate maps and the frame beside them (all), which
            outlines need, or nothing but the tokens, so that there is no way around the intervention; our choice, as
            the paper doesn't say.
        lambda_causal: weight of L_causal, 0 and more; the paper's 0.5 (section 3.4).
    """

    depth: Annotated[int, Field(ge=1), Most(64, "more blocks fit into no memory")]
    heads: Heads
    dictionary: Literal["text", "random", "shuffled", "zero", "learned"]
    head_inputs: Literal["all", "tokens"]
    lambda_causal: Weight


class ContrastParams(Section):
    """L_contrast, where the image feature is trained.

    Attributes:
        lambda_contrast: weight of L_contrast, 0 and more; the paper's 0.1 (section 3.4).
        temperature: of the softmax in L_contrast, 0.001 and more, as it is a step without a slope below; the paper's
            0.5 (section 3.4).
    """

    lambda_contrast: Weight
    temperature: Annotated[float, Field(ge=0.001), Most(1000, "all classes would weigh the same")]


class CausalParams(InterventionParams, ContrastParams):
    """The causal intervention, with residual paths or without, and L_contrast.

    Attributes:
        residual: whether blocks add to the rows; true is our choice, false the letter of the paper (section 3.3), with
            which F_ca is made of the dictionary alone.
    """

    residual: bool


class PromptParams(Section):
    """What a method is asked for in training that segments by prompt.

    Attributes:
        absent_share: of the frames with a lesion, how many are asked for a class that they lack, 0..1; our choice.
    """

    absent_share: Share


class ViewParams(Section):
    """The sum over views at prediction.

    Attributes:
        sum_over: families of views beside the frame as it is: mirror (three mirrored ones), distance (near, far); our
            choice.
        zoom: how many times larger the near view shows the frame, above 1; the far view's zoom is one over it; our
            choice.
    """

    sum_over: list[Literal["mirror", "distance"]]
    zoom: Annotated[float, Field(gt=1), Most(10, "nothing but the middle of the frame would be seen")]

    _once = field_validator("sum_over")(distinct)
