"""A small tokenizer of T5's kind, made from a few sentences."""
import math
import string
from collections import Counter

from tokenizers import Tokenizer, normalizers

SENTENCES = """a woman smiles at the camera while the wind moves her hair
a man turns his head slowly and looks out of the window
waves roll over the beach under a cloudy evening sky
the old sailor blinks and laughs, then the camera zooms in
leaves fall from the trees along a quiet street in autumn
two children run across the green field with a small brown dog
blurry, low quality, distorted, watermark, text, still picture
soft light falls on her face; she nods, and the background drifts
cinematic portrait of a person in the rain, 35 mm film, shallow depth of field
a boat sails past the harbour as the sun goes down behind the hills
""".strip().split("\n")


def make(kind, size=256):
    """A transformers tokenizer of the class `kind`, T5's, with pad 0, end 1, unknown 2.

    The pieces are all characters and the commonest parts of words, scored by how often they occur: a trainer's would be
    better, but its order of equals changes from run to run.
    """
    counts = Counter()
    for word in " ".join(SENTENCES).split():
        word = "▁" + word
        counts.update(word[i:j] for i in range(len(word)) for j in range(i + 1, min(i + 7, len(word) + 1)))
    letters = ["▁", *string.ascii_letters, *string.digits, *string.punctuation]
    pieces = {letter: counts[letter] + 1 for letter in letters}
    for piece, count in sorted(counts.items(), key=lambda pair: (-pair[1] * len(pair[0]), pair[0])):
        if len(pieces) < size - 3:
            pieces.setdefault(piece, count)
    total = sum(pieces.values())
    scored = sorted(((piece, round(math.log(count / total), 4)) for piece, count in pieces.items()),
                    key=lambda pair: (-pair[1], pair[0]))
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *scored]
    tokenizer = kind(vocab=vocabulary, extra_ids=0, additional_special_tokens=[], model_max_length=512)
    tokenizer.backend_tokenizer.normalizer = normalizers.NFKC()
    return tokenizer


def save(tokenizer, path):
    """tokenizer.json without padding and truncation: the library cuts and pads."""
    plain = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    plain.no_padding()
    plain.no_truncation()
    plain.save(path, pretty=False)
