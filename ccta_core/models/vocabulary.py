"""Checks that a tokenizer belongs to the weights beside it: every id has a row, and so has PAD."""

from typing import Any, NamedTuple

from transformers import PreTrainedModel, PreTrainedTokenizerFast

from ccta_core.errors import CctaError
from ccta_core.models.model import Model
from ccta_core.models.trace import Trace

_BESIDE = "use the tokenizer that was saved with the weights"


def check_vocabulary(
    name: str, tokenizer: PreTrainedTokenizerFast, hf_model: PreTrainedModel
) -> None:
    """Raises CctaError where the tokenizer can give an id that the embedding matrix has no row for.

    Counted is the largest id, of added tokens and of those put around a text too: a vocabulary may
    have gaps, and `vocab_size` leaves added tokens out. The same holds for token types.
    """
    rows = embedding_rows(name, hf_model)
    token, largest = _largest_id(tokenizer)
    if largest >= rows:
        raise CctaError(
            f"{name}: its tokenizer gives ids up to {largest} ({token!r}), its embedding matrix "
            f"has {rows} rows (0 to {rows - 1}); {_BESIDE}"
        )
    kinds = getattr(hf_model.config, "type_vocab_size", None) or 0
    most = max(tokenizer("a", "a").encodings[0].type_ids)
    if kinds > 1 and most >= kinds:  # with one or none they are not given to the model
        raise CctaError(
            f"{name}: its tokenizer gives token types up to {most}, the model has {kinds} (0 to "
            f"{kinds - 1}); {_BESIDE}"
        )


def check_padding(name: str, tokenizer: PreTrainedTokenizerFast, trace: Trace) -> tuple[str, ...]:
    """Returns notices on the PAD of the tokenizer and of config.json, a sentence each.

    Raises CctaError where they differ and the model counts positions by its own: then a text that
    holds its PAD as a word would be read at other places than here.
    """
    config_pad, pad = trace.model.config.pad_token_id, tokenizer.pad_token_id
    if config_pad is None or pad is None or config_pad == pad:
        return ()
    if trace.first_position is not None:
        raise CctaError(
            f"{name}: its tokenizer's PAD is {pad}, config.json says {config_pad}, and the model "
            f"counts positions by it; {_BESIDE}, or mend pad_token_id in config.json"
        )
    return (
        f"The PAD of {name}'s tokenizer is {pad}, config.json says {config_pad}: {pad} is used.",
    )


def check_room(model: Model) -> None:
    """Raises CctaError where the longest input has no room for a word of each of two texts."""
    specials = model.tokenizer.num_special_tokens_to_add(pair=True)
    if model.max_tokens < specials + 2:
        raise CctaError(
            f"{model.id} reads at most {model.max_tokens} tokens, and {specials} of them are its "
            "own marks; mend model_max_length in tokenizer_config.json"
        )


def embedding_rows(name: str, hf_model: PreTrainedModel) -> int:
    """Returns how many ids the model has vectors for. Raises CctaError where it does not say."""
    try:
        table: Any = hf_model.get_input_embeddings()
        return int(table.weight.shape[0])
    except (NotImplementedError, AttributeError) as error:
        raise CctaError(
            f"{name} can't be attributed: {type(hf_model).__name__} does not say where its word "
            "embeddings are"
        ) from error


class _TokenId(NamedTuple):
    """A token of a vocabulary with its id."""

    token: str
    id: int


def _largest_id(tokenizer: PreTrainedTokenizerFast) -> _TokenId:
    """Returns the largest id that the tokenizer can give, with its token."""
    ids = {
        **tokenizer.get_vocab(),
        **{str(t): n for n, t in tokenizer.added_tokens_decoder.items()},
    }
    around = tokenizer("a", "a").encodings[0]
    ids |= dict(zip(around.tokens, around.ids, strict=True))
    entries = (_TokenId(*entry) for entry in ids.items())
    return max(entries, key=lambda entry: entry.id, default=_TokenId("", -1))
