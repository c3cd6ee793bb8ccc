"""Lists the languages the tool supports: name, family, and how their script is written."""

from dataclasses import dataclass
from types import MappingProxyType

from ccta_core.errors import CctaError


@dataclass(frozen=True, slots=True)
class Language:
    """One language: ISO 639 code, names, family and how its script is written."""

    code: str
    name: str
    native: str
    family: str
    spaced: bool = True
    """Words are separated by spaces."""
    rtl: bool = False
    """Text runs from right to left."""


_ROWS = """
af|Afrikaans|Afrikaans|Germanic
am|Amharic|አማርኛ|Semitic
ar|Arabic|العربية|Semitic|rtl
az|Azerbaijani|azərbaycanca|Turkic
be|Belarusian|беларуская|Slavic
bg|Bulgarian|български|Slavic
bn|Bengali|বাংলা|Indo-Aryan
ca|Catalan|català|Romance
cs|Czech|čeština|Slavic
cy|Welsh|Cymraeg|Celtic
da|Danish|dansk|Germanic
de|German|Deutsch|Germanic
el|Greek|Ελληνικά|Hellenic
en|English|English|Germanic
eo|Esperanto|Esperanto|Constructed
es|Spanish|español|Romance
et|Estonian|eesti|Uralic
eu|Basque|euskara|Isolate
fa|Persian|فارسی|Iranian|rtl
fi|Finnish|suomi|Uralic
fr|French|français|Romance
ga|Irish|Gaeilge|Celtic
gl|Galician|galego|Romance
gu|Gujarati|ગુજરાતી|Indo-Aryan
ha|Hausa|Hausa|Chadic
he|Hebrew|עברית|Semitic|rtl
hi|Hindi|हिन्दी|Indo-Aryan
hr|Croatian|hrvatski|Slavic
hu|Hungarian|magyar|Uralic
hy|Armenian|հայերեն|Armenian
id|Indonesian|Bahasa Indonesia|Austronesian
is|Icelandic|íslenska|Germanic
it|Italian|italiano|Romance
ja|Japanese|日本語|Japonic|unspaced
jv|Javanese|Basa Jawa|Austronesian
ka|Georgian|ქართული|Kartvelian
kk|Kazakh|қазақша|Turkic
km|Khmer|ខ្មែរ|Austroasiatic|unspaced
kn|Kannada|ಕನ್ನಡ|Dravidian
ko|Korean|한국어|Koreanic
ky|Kyrgyz|кыргызча|Turkic
la|Latin|Latina|Italic
lo|Lao|ລາວ|Kra-Dai|unspaced
lt|Lithuanian|lietuvių|Baltic
lv|Latvian|latviešu|Baltic
mk|Macedonian|македонски|Slavic
ml|Malayalam|മലയാളം|Dravidian
mn|Mongolian|монгол|Mongolic
mr|Marathi|मराठी|Indo-Aryan
ms|Malay|Bahasa Melayu|Austronesian
my|Burmese|မြန်မာ|Sino-Tibetan|unspaced
ne|Nepali|नेपाली|Indo-Aryan
nl|Dutch|Nederlands|Germanic
no|Norwegian|norsk|Germanic
pa|Punjabi|ਪੰਜਾਬੀ|Indo-Aryan
pl|Polish|polski|Slavic
ps|Pashto|پښتو|Iranian|rtl
pt|Portuguese|português|Romance
ro|Romanian|română|Romance
ru|Russian|русский|Slavic
si|Sinhala|සිංහල|Indo-Aryan
sk|Slovak|slovenčina|Slavic
sl|Slovenian|slovenščina|Slavic
so|Somali|Soomaali|Cushitic
sq|Albanian|shqip|Albanian
sr|Serbian|српски|Slavic
sv|Swedish|svenska|Germanic
sw|Swahili|Kiswahili|Bantu
ta|Tamil|தமிழ்|Dravidian
te|Telugu|తెలుగు|Dravidian
th|Thai|ไทย|Kra-Dai|unspaced
tl|Tagalog|Tagalog|Austronesian
tr|Turkish|Türkçe|Turkic
uk|Ukrainian|українська|Slavic
ur|Urdu|اردو|Indo-Aryan|rtl
uz|Uzbek|oʻzbekcha|Turkic
vi|Vietnamese|Tiếng Việt|Austroasiatic
zh|Chinese|中文|Sinitic|unspaced
"""


def _parse(row: str) -> Language:
    code, name, native, family, *marks = row.split("|")
    return Language(code, name, native, family, "unspaced" not in marks, "rtl" in marks)


LANGUAGES = MappingProxyType({row[:2]: _parse(row) for row in _ROWS.split("\n") if row})


def language(code: str) -> Language:
    """Returns the language with this ISO 639-1 code.

    Raises CctaError, listing the known codes, for any other.
    """
    if code not in LANGUAGES:
        raise CctaError(f"unknown language {code!r}; expected one of: {' '.join(LANGUAGES)}")
    return LANGUAGES[code]
