"""What a model's files and tags are called: ML-Agents names them after the behavior, and its tools look for them so."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Names:
    """Of the models of one behavior."""

    behavior: str

    @property
    def onnx(self) -> str:
        """The policy at the root: what `mlagents-learn` exports and AI vs AI asked for."""
        return f"{self.behavior}.onnx"

    @property
    def checkpoint(self) -> str:
        """Weights and optimizer, where a training of that id has them."""
        return f"{self.behavior}/checkpoint.pt"

    @property
    def tag(self) -> str:
        """Of every such model that ML-Agents' tools have put on the Hub."""
        return f"ML-Agents-{self.behavior}"

    @property
    def tags(self) -> tuple[str, ...]:
        """All that those tools give a model."""
        return (self.behavior, "deep-reinforcement-learning", "reinforcement-learning", self.tag)


SOCCER_TWOS = Names("SoccerTwos")
