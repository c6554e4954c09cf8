"""The numbers in messages that stand for a word, the same at both ends. Standard library only."""

from enum import IntEnum


class ErrorCode(IntEnum):
    """Why a device refused. `detail` of the ERROR message is given in brackets."""

    OK = 0
    BAD_VERSION = 1  # [the device's protocol version; of a stored model: the version of its format]
    BAD_TYPE = 2  # [the type that it does not know]
    BAD_LENGTH = 3  # [the length that it expected; of a stored model: the bytes of its partition]
    BAD_OFFSET = 4  # [the offset that it refused]
    NO_MODEL = 5  # the firmware holds no model, or its data is not a model of the known schema [schema version]
    ARENA_TOO_SMALL = 6  # [bytes that the device could give; the model needs more]
    UNSUPPORTED_OP = 7  # [built-in operator code]
    INVOKE_FAILED = 8  # the interpreter returned an error [its status]
    BUSY = 9  # an image is half loaded: finish it first [its sequence number]
    BAD_BAUD = 10  # [the rate that it keeps]
    INPUT_TOO_LARGE = 11  # [bytes that the device can hold]
    OUTPUT_TOO_LARGE = 12  # [bytes that the device can hold]
    NO_LABELS = 13  # the firmware holds no names of the answers, or not so much of their text [its bytes]
    BAD_HASH = 14  # a stored model is not, byte for byte, what was to be written
    BUILT_IN_ALONE = 15  # the firmware is compiled C, which runs the model that it was compiled from
    OTHER_FIRMWARE = 16  # a stored model was to replace another built-in model than this firmware's


class BoardKind(IntEnum):
    """What the firmware runs on."""

    REAL = 0
    EMULATED = 1
    NATIVE = 2


class Backend(IntEnum):
    """What runs the model."""

    AOT = 0
    TFLM = 1
    TFLM_ESP_NN = 2


class ElementType(IntEnum):
    """What a tensor consists of, by TFLite's numbers."""

    INT32 = 2
    INT16 = 7
    INT8 = 9


class ModelSource(IntEnum):
    """Where the model that runs comes from."""

    BUILT_IN = 0  # it was built with the firmware
    STORED = 1  # from the board's model partition


class Decision(IntEnum):
    """How an answer follows from the outputs."""

    NONE = 0  # nobody has said what the outputs are: values, not answers
    ARGMAX = 1  # the greatest output
    THRESHOLD = 2  # of two the positive one, where its output minus the other is at least margin_q
