"""The blueprint that the customer pages hang on."""

from flask import Blueprint

web = Blueprint("web", __name__)
