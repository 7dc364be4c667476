"""Guesses which FAQ entry a message means: n-gram likeness to the examples plus keywords; deterministic, no I/O.

Time is linear in the message (cut to 5,000 characters): every n-gram is looked up once in an inverted index.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bot.understanding.faq import OUT_OF_SCOPE, FaqEntry
from bot.understanding.folding import clauses, fold, symbols

# Tuned by ten-fold cross-validation over our own examples; below the threshold the customer gets the menu.
_THRESHOLD = 0.36
_SECOND_THRESHOLD = 0.8  # a second question is only offered, so it must be plain
_CANDIDATE_THRESHOLD = 0.16
_KEYWORD = 0.2  # what one unit of keyword weight adds
_NEIGHBOURS = 3  # further alike examples that support the best one,
_SUPPORT = 0.2  # and how much
_KEYWORDS_AT_MOST = 6
_CANDIDATES = 3

Gram = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Understanding:
    """The intent meant: `oos` if it is plainly not ours, None if it is like nothing we know.

    `candidates` are the best guesses among our own intents, best first, for the buttons. `others` is what other
    sentences of the same message plainly ask for.
    """

    intent: str | None
    score: float
    candidates: tuple[str, ...]
    others: tuple[str, ...] = ()


def _grams(symbols: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Single symbols, pairs and triples, with the edges marked: short messages need all three."""
    for symbol in symbols:
        yield (symbol,)
    edged = ("^", *symbols, "$")
    for size in (2, 3):
        for start in range(len(edged) - size + 1):
            yield edged[start : start + size]


class Matcher:
    """An index over the examples of all entries, built once."""

    def __init__(self, entries: Sequence[FaqEntry]) -> None:
        examples = [(entry.id, Counter(_grams(symbols(text)))) for entry in entries for text in entry.examples]
        self._weights = _rarity([grams for _, grams in examples])
        self._unseen = math.log(len(examples) + 1) / 2
        self._intents = [intent for intent, _ in examples]
        self._postings: dict[Gram, list[tuple[int, float]]] = defaultdict(list)
        for number, (_, grams) in enumerate(examples):
            for gram, weight in self._unit_vector(grams).items():
                self._postings[gram].append((number, weight))
        # By folded spelling: a word written in both scripts must not count twice.
        self._keywords = {
            (entry.id, fold(word)): weight for entry in entries for word, weight in entry.keywords.items()
        }

    def understand(self, text: str) -> Understanding:
        """What this message asks for; anything unlike our examples is None."""
        whole, *sentences = clauses(text)
        understood = _decide(self._scores((whole, *sentences), folded=fold(text)))
        alone = [_decide(self._scores((sentence,), folded="".join(sentence))) for sentence in sentences]
        plain = [each.intent for each in alone if each.intent and each.score >= _SECOND_THRESHOLD]
        return replace(understood, others=tuple(intent for intent in plain if intent != understood.intent))

    def _scores(self, parts: Sequence[Sequence[str]], *, folded: str) -> dict[str, float]:
        scores: dict[str, float] = defaultdict(float)
        for part in parts:
            for intent, likeness in self._likeness(part).items():
                scores[intent] = max(scores[intent], likeness)
        for intent, weight in self._keyword_weights(folded).items():
            scores[intent] += min(weight, _KEYWORDS_AT_MOST) * _KEYWORD
        return scores

    def _likeness(self, clause: Sequence[str]) -> dict[str, float]:
        """Each intent's most alike example, as a cosine, with a little support from the next ones."""
        dots: dict[int, float] = defaultdict(float)
        for gram, weight in self._unit_vector(Counter(_grams(clause))).items():
            for number, other in self._postings.get(gram, ()):
                dots[number] += weight * other
        by_intent: dict[str, list[float]] = defaultdict(list)
        for number, dot in dots.items():
            by_intent[self._intents[number]].append(dot)
        return {intent: _supported(likenesses) for intent, likenesses in by_intent.items()}

    def _unit_vector(self, grams: Counter[Gram]) -> dict[Gram, float]:
        known = {gram: (1 + math.log(count)) * self._weights.get(gram, self._unseen) for gram, count in grams.items()}
        length = math.sqrt(sum(weight * weight for weight in known.values())) or 1.0
        return {gram: weight / length for gram, weight in known.items()}

    def _keyword_weights(self, folded: str) -> dict[str, int]:
        found: dict[str, int] = defaultdict(int)
        for (intent, word), weight in self._keywords.items():
            if word in folded:
                found[intent] += weight
        return found


def _supported(likenesses: list[float]) -> float:
    best, *others = sorted(likenesses, reverse=True)[: _NEIGHBOURS + 1]
    return best + _SUPPORT * sum(others)


def _rarity(examples: Sequence[Counter[Gram]]) -> dict[Gram, float]:
    """How telling each n-gram is."""
    seen = Counter(gram for grams in examples for gram in grams)
    total = len(examples) + 1
    return {gram: math.log(total / count) for gram, count in seen.items()}


def _decide(scores: dict[str, float]) -> Understanding:
    ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    best, score = ranked[0] if ranked else (OUT_OF_SCOPE, 0.0)
    candidates = tuple(intent for intent, value in ranked if intent != OUT_OF_SCOPE and value >= _CANDIDATE_THRESHOLD)[
        :_CANDIDATES
    ]
    return Understanding(intent=best if score >= _THRESHOLD else None, score=score, candidates=candidates)
