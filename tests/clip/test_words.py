import pytest

from mcdrl.base.errors import InputError
from mcdrl.clip.words import UNKNOWN, Vocabulary, singular, split


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("A polyp in an endoscopic image", ["a", "polyp", "in", "an", "endoscopic", "image"]),
        ("narrow-band imaging", ["narrow", "band", "imaging"]),
        ("  Polyps,\tTUMORS!  ", ["polyp", "tumor"]),
        ("œdème", ["deme"]),
        ("Adénome (3 mm)", ["adenome", "3", "mm"]),
        ("{class}", ["class"]),
        ("...", []),
    ],
)
def test_a_prompt_is_split_into_plain_singular_words(prompt, words):
    assert split(prompt) == words


@pytest.mark.parametrize(
    ("plural", "expected"),
    [
        ("polyps", "polyp"),
        ("abnormalities", "abnormality"),
        ("patches", "patch"),
        ("masses", "mass"),
        ("boxes", "box"),
        ("mucus", "mucus"),
        ("stenosis", "stenosis"),
        ("mass", "mass"),
        ("gas", "gas"),
        ("ties", "tie"),
    ],
)
def test_regular_plurals_lose_their_ending_and_singulars_in_s_keep_theirs(plural, expected):
    assert singular(plural) == expected


def test_singular_of_a_singular_is_itself():
    words = ["polyp", "mucus", "mass", "abnormality", "stenosis", "box", "gas"]
    assert [singular(singular(word)) for word in words] == words


def test_known_words_have_their_place_and_unknown_ones_the_first_number():
    vocabulary = Vocabulary(["polyp", "red", "the"])
    assert vocabulary.numbers("The RED polyps glow") == [3, 2, 1, UNKNOWN]
    assert len(vocabulary) == 4


def test_the_vocabulary_of_prompts_holds_each_word_once_in_order():
    assert Vocabulary.of(["a red polyp", "A blue-polyp"]).words == ("a", "blue", "polyp", "red")


def test_unknown_words_are_named_once_in_order_of_appearance():
    vocabulary = Vocabulary(["a", "polyp"])
    assert vocabulary.unknown(["a zebra polyp", "zebras and a yak"]) == ["zebra", "and", "yak"]


def test_a_prompt_without_words_is_refused():
    with pytest.raises(InputError, match="no word"):
        Vocabulary(["a"]).numbers("!?")


@pytest.mark.parametrize("words", [["polyps"], ["a", "a"], ["two words"], ["Polyp"], [""]])
def test_a_vocabulary_of_anything_but_plain_single_words_is_refused(words):
    with pytest.raises(InputError, match="vocabulary"):
        Vocabulary(words)
