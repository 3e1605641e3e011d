using System.Globalization;
using System.Text;

namespace ControlPlane.Billing.Pdf;

/// <summary>Bidirectional class of a character, with its name in UAX #9. The explicit embeddings and overrides are missing: they are removed beforehand.</summary>
enum BidiClass
{
    L, R, AL, EN, AN, ES, ET, CS, NSM, BN, WS, ON, LRI, RLI, FSI, PDI,
}

/// <summary>
/// Bidirectional classes, derived from general categories and blocks, because .NET does not expose them.
/// Source: Unicode 15, DerivedBidiClass. Exact for the scripts that invoices have fonts for; a few symbols of other scripts count as neutral.
/// </summary>
static class BidiClasses
{
    public static BidiClass Of(Rune rune) => rune.Value switch
    {
        0x2066 => BidiClass.LRI,
        0x2067 => BidiClass.RLI,
        0x2068 => BidiClass.FSI,
        0x2069 => BidiClass.PDI,
        '+' or '-' or 0x207A or 0x207B or 0x208A or 0x208B or 0x2212 or 0xFB29 or 0xFE62 or 0xFE63 or 0xFF0B or 0xFF0D => BidiClass.ES,
        ',' or '.' or '/' or ':' or 0xA0 or 0x060C or 0x202F or 0x2044 or 0xFE50 or 0xFE52 or 0xFE55 or 0xFF0C or 0xFF0E or 0xFF0F or 0xFF1A => BidiClass.CS,
        '#' or '%' or 0xB0 or 0xB1 or 0x0609 or 0x060A or 0x066A or (>= 0x2030 and <= 0x2034) or 0x212E or 0x2213
            or 0xFE5F or 0xFE6A or 0xFF03 or 0xFF05 => BidiClass.ET,
        >= 0x0660 and <= 0x0669 or 0x066B or 0x066C or (>= 0x0600 and <= 0x0605) or 0x06DD => BidiClass.AN,
        >= 0x06F0 and <= 0x06F9 => BidiClass.EN,
        _ => ByCategory(rune),
    };

    public static bool IsRightToLeft(Rune rune) => rune.Value >= 0x590 && Of(rune) is BidiClass.R or BidiClass.AL or BidiClass.AN or BidiClass.RLI;

    static BidiClass ByCategory(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark => BidiClass.NSM,
        UnicodeCategory.Format or UnicodeCategory.Control => BidiClass.BN,
        UnicodeCategory.SpaceSeparator or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator => BidiClass.WS,
        UnicodeCategory.CurrencySymbol when !InRightToLeftBlock(rune) => BidiClass.ET,
        UnicodeCategory.DecimalDigitNumber or UnicodeCategory.OtherNumber when IsEuropeanNumber(rune) => BidiClass.EN,
        UnicodeCategory.DashPunctuation or UnicodeCategory.OpenPunctuation or UnicodeCategory.ClosePunctuation or UnicodeCategory.InitialQuotePunctuation
            or UnicodeCategory.FinalQuotePunctuation or UnicodeCategory.OtherPunctuation or UnicodeCategory.ConnectorPunctuation
            or UnicodeCategory.MathSymbol or UnicodeCategory.ModifierSymbol or UnicodeCategory.OtherSymbol or UnicodeCategory.OtherNumber
            when IsNeutral(rune) => BidiClass.ON,
        _ => InRightToLeftBlock(rune) ? IsArabic(rune) ? BidiClass.AL : BidiClass.R : BidiClass.L,
    };

    // Superscripts, subscripts, full-width, mathematical and enclosed digits besides those of ASCII.
    static bool IsEuropeanNumber(Rune rune) => rune.Value is (>= '0' and <= '9') or 0xB2 or 0xB3 or 0xB9 or (>= 0x2070 and <= 0x2089) or (>= 0x2488 and <= 0x249B)
        or (>= 0xFF10 and <= 0xFF19) or (>= 0x102E1 and <= 0x102FB) or (>= 0x1D7CE and <= 0x1D7FF) or (>= 0x1F100 and <= 0x1F10A) or (>= 0x1FBF0 and <= 0x1FBF9);

    static bool IsNeutral(Rune rune) => rune.Value is < 0x0482 or 0x0606 or 0x0607 or 0x060E or 0x060F or 0x06DE or 0x06E9 or 0xFD3E or 0xFD3F
        or (>= 0x2010 and < 0x2336) or (>= 0x237B and < 0x249C) or (>= 0x24EA and < 0x2800) or (>= 0x2900 and < 0x3200) or (>= 0xFE10 and < 0xFE70) or (>= 0xFF00 and < 0x10000) or (>= 0x1F000 and < 0x20000);

    static bool InRightToLeftBlock(Rune rune) => rune.Value is (>= 0x0590 and < 0x0900) or 0x200F or (>= 0xFB1D and < 0xFE00) or (>= 0xFE70 and < 0xFF00)
        or (>= 0x10800 and < 0x11000) or (>= 0x1E800 and < 0x1F000);

    static bool IsArabic(Rune rune) => rune.Value is (>= 0x0600 and < 0x07C0) or (>= 0x0860 and < 0x0900) or (>= 0xFB50 and < 0xFF00)
        or (>= 0x10D00 and < 0x10D40) or (>= 0x10EC0 and < 0x10F00) or (>= 0x10F30 and < 0x10F70) or (>= 0x1EC70 and < 0x1ECC0)
        or (>= 0x1ED00 and < 0x1ED50) or (>= 0x1EE00 and < 0x1EF00);
}
