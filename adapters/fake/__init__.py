"""A library system of our own making: for the demonstration, for tests, and as the plainest example of an adapter."""

from adapters.fake.desk import Desk, Manners
from adapters.fake.system import KIND, FakeSystem

__all__ = ["KIND", "Desk", "FakeSystem", "Manners"]
