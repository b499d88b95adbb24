"""What the walker does next: a random step, more often than not one that is right at the moment."""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from tests.torture.model import ABSENT, CARD_NUMBER, CUSTOMERS, DECISIONS, NEEDS_REASON, TRANSITIONS, Model, Step

WEIGHTS = {
    "submit": 22, "approve": 16, "reject": 6, "cancel": 8, "refund": 10, "start": 6, "process": 5, "settle": 6,
    "fail": 4, "void": 2, "issue": 6, "draft": 6, "switch": 1, "allow": 1,
}  # fmt: skip
USUAL = {
    "submit": ("owner", "member"), "approve": ("reviewer", "admin"), "reject": ("reviewer", "admin"),
    "cancel": ("owner", "member", "reviewer"), "refund": ("admin",), "void": ("admin",), "issue": ("admin",),
    "draft": ("admin",), "switch": ("admin",), "allow": ("admin",),
}  # fmt: skip
ON_INVOICES = ("submit", "start", "void", "issue")
ON_SETTINGS = ("draft", "switch", "allow")
TRANSFERS = 15
"""Real transfers that references name, so that they meet within an account and across."""
SPELLINGS = ("TRF-{0:06d}", "trf{0:06d}", " Trf {0:06d}", "ＴＲＦ－{0:06d}", "T\u200bRF\u2013{0:06d}")
"""Ways of writing the same reference."""


class Dice:
    """Makes steps from chance and the model. ``people`` holds, by name, each one's role and account."""

    def __init__(self, random: Random, model: Model, people: Mapping[str, tuple[str, int | None]]) -> None:
        self._random = random
        self._model = model
        self._people = people
        self._details: dict[str, Callable[[dict[str, Any]], None]] = {
            "submit": self._submit,
            "start": self._start,
            "issue": self._issue,
            "draft": self._draft,
            "switch": self._switch,
            "allow": self._allow,
        }

    def roll(self) -> Step:
        """The next step."""
        action = self._random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        who = self._somebody(action)
        role, home = self._people[who]
        step: dict[str, Any] = {"action": action, "who": who, "role": role, "home": home}
        if action in ON_INVOICES:
            fitting = ["draft"] if action == "issue" else ["open"]
            step["invoice"] = self._pick(self._model.invoices, step, fitting)
        elif action not in ON_SETTINGS:
            step["payment"] = self._pick(
                self._model.payments, step, [old for old, known in TRANSITIONS if known == action]
            )
            self._see_version(step)
        if action in (*NEEDS_REASON, "void"):
            card = 0 if action == "void" else 3
            step["reason"] = self._random.choices(("because", "", CARD_NUMBER), (94, 3, card))[0]
        elif action == "approve":
            step["reason"] = self._random.choices(("", "another day", CARD_NUMBER), (80, 18, 2))[0]
        if action in self._details:
            self._details[action](step)
        return Step(**step)

    def _somebody(self, action: str) -> str:
        """Mostly somebody whose work this is."""
        chance = self._random.random()
        if chance < 0.08:
            return self._random.choice(list(self._people))
        if action in DECISIONS and chance < 0.14:
            return f"promoted{self._random.randrange(len(self._model.accounts))}"
        names = USUAL.get(action, ("system",))
        return self._random.choice([name for name in self._people if name.startswith(names)])

    def _pick(self, rows: list[dict[str, Any]], step: dict[str, Any], fitting: Sequence[str]) -> int:
        """Often one of the last that the step would move, else any of the last; mostly one that the actor can see."""
        chance = self._random.random()
        if not rows or chance < 0.02:
            return ABSENT
        promoted = step["home"] is not None and step["role"] not in CUSTOMERS
        places: Sequence[int] = range(len(rows))
        if step["home"] is not None and (promoted or chance < 0.9):
            own = [place for place in places if rows[place]["account"] == step["home"]]
            if promoted and not own:
                return ABSENT
            places = own or places
        if self._random.random() < 0.6:
            places = [place for place in places if rows[place]["status"] in fitting] or places
        return self._random.choice(places[-6:])

    def _see_version(self, step: dict[str, Any]) -> None:
        names_one = step["action"] in DECISIONS or (step["action"] == "cancel" and self._random.random() < 0.5)
        if names_one:
            right = 1 if step["payment"] == ABSENT else self._model.payments[step["payment"]]["version"]
            step["version"] = right if self._random.random() < 0.85 else max(0, right + self._random.choice((-1, 1)))

    def _submit(self, step: dict[str, Any]) -> None:
        step["method"] = self._method()
        step["transfer"] = self._random.randrange(TRANSFERS) if self._random.random() < 0.98 else None
        step["spelling"] = self._random.randrange(len(SPELLINGS))

    def _start(self, step: dict[str, Any]) -> None:
        """A number of the gateway's that is new, or sometimes one that came before."""
        count = len(self._model.payments)
        step["transfer"] = count if self._random.random() < 0.9 else self._random.randrange(count + 1)

    def _issue(self, step: dict[str, Any]) -> None:
        step["yes"] = self._random.random() < 0.9

    def _draft(self, step: dict[str, Any]) -> None:
        step["account"] = self._account()
        step["total"] = self._random.choice((0, 100, 4900, 7500, 12345, 10**12))
        step["credits"] = self._random.choice((0, 0, 5, 10))
        if self._random.random() < 0.03:
            step["account"] = ABSENT
        elif self._model.invoices and self._random.random() < 0.05:
            step["number"] = self._random.randrange(len(self._model.invoices))

    def _switch(self, step: dict[str, Any]) -> None:
        step["yes"] = self._random.random() < 0.9
        step["country"], step["method"] = self._random.choice(list(self._model.offers))

    def _allow(self, step: dict[str, Any]) -> None:
        step["account"], step["method"], step["yes"] = self._account(), self._method(), self._random.random() < 0.9

    def _method(self) -> str:
        return "bank_transfer" if self._random.random() < 0.7 else "local_wallet"

    def _account(self) -> int:
        return self._random.randrange(len(self._model.accounts))
