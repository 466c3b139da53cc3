"""The demo model: talks and calls tools by examples, where no language model is configured."""

from app.llm.demo.model import DemoModel

__all__ = ["DemoModel"]
