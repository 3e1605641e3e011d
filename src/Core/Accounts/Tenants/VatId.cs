using System.Text.RegularExpressions;

namespace ControlPlane.Accounts.Tenants;

/// <summary>
/// VAT identification numbers in the format of the European Commission (VIES). Only the format is checked here; whether a number is registered must be
/// checked before reverse charge is applied.
/// </summary>
public static partial class VatId
{
    /// <summary>In capital letters and without spaces, dots and hyphens; null when nothing is left.</summary>
    public static string? Normalize(string? entered)
    {
        var bare = new string([.. (entered ?? "").Where(c => c is not (' ' or '.' or '-' or '\u00a0')).Select(char.ToUpperInvariant)]);
        return bare.Length == 0 ? null : bare;
    }

    /// <param name="normalized">From <see cref="Normalize"/>.</param>
    /// <param name="country">ISO 3166-1 alpha-2 of the buyer.</param>
    /// <returns>What to enter instead; null when a buyer in that country may have such a number.</returns>
    public static string? Validate(string normalized, string country)
    {
        var prefixes = Formats.Keys.Where(prefix => CountryOf(prefix) == country).ToArray();
        var written = Formats.Keys.FirstOrDefault(prefix => normalized.StartsWith(prefix, StringComparison.Ordinal) && Matches(prefix, normalized));
        if (written is not null)
        {
            return CountryOf(written) == country ? null : $"This is a number of {Countries.NameOf(CountryOf(written))}. Select that country, or enter a number of your country.";
        }

        // Great Britain has its own numbers besides those of Northern Ireland, so it is treated like a country outside the EU.
        return prefixes is [var own] && country != "GB"
            ? $"Enter a number such as {Formats[own].Example}, or leave this empty."
            : Elsewhere().IsMatch(normalized) ? null : "Enter 4 to 20 letters and digits, or leave this empty.";
    }

    static bool Matches(string prefix, string normalized) =>
        Regex.IsMatch(normalized.AsSpan(prefix.Length), $@"\A(?:{Formats[prefix].Pattern})\z", RegexOptions.CultureInvariant);

    /// <summary>The prefix is the country's code, except for Greece and Northern Ireland.</summary>
    static string CountryOf(string prefix) => prefix switch { "EL" => "GR", "XI" => "GB", _ => prefix };

    [GeneratedRegex(@"\A[A-Z0-9]{4,20}\z")]
    private static partial Regex Elsewhere();

    static readonly Dictionary<string, (string Pattern, string Example)> Formats = new()
    {
        ["AT"] = (@"U[0-9]{8}", "ATU12345678"),
        ["BE"] = (@"[01][0-9]{9}", "BE0123456789"),
        ["BG"] = (@"[0-9]{9,10}", "BG123456789"),
        ["CY"] = (@"[0-9]{8}[A-Z]", "CY12345678X"),
        ["CZ"] = (@"[0-9]{8,10}", "CZ12345678"),
        ["DE"] = (@"[0-9]{9}", "DE123456789"),
        ["DK"] = (@"[0-9]{8}", "DK12345678"),
        ["EE"] = (@"[0-9]{9}", "EE123456789"),
        ["EL"] = (@"[0-9]{9}", "EL123456789"),
        ["ES"] = (@"[A-Z][0-9]{7}[A-Z0-9]|[0-9]{8}[A-Z]", "ESX1234567X"),
        ["FI"] = (@"[0-9]{8}", "FI12345678"),
        ["FR"] = (@"[A-HJ-NP-Z0-9]{2}[0-9]{9}", "FR12345678901"),
        ["HR"] = (@"[0-9]{11}", "HR12345678901"),
        ["HU"] = (@"[0-9]{8}", "HU12345678"),
        ["IE"] = (@"[0-9][A-Z0-9+*][0-9]{5}[A-W][A-I]?", "IE1234567WA"),
        ["IT"] = (@"[0-9]{11}", "IT12345678901"),
        ["LT"] = (@"[0-9]{9}|[0-9]{12}", "LT123456789"),
        ["LU"] = (@"[0-9]{8}", "LU12345678"),
        ["LV"] = (@"[0-9]{11}", "LV12345678901"),
        ["MT"] = (@"[0-9]{8}", "MT12345678"),
        ["NL"] = (@"[0-9]{9}B[0-9]{2}", "NL123456789B01"),
        ["PL"] = (@"[0-9]{10}", "PL1234567890"),
        ["PT"] = (@"[0-9]{9}", "PT123456789"),
        ["RO"] = (@"[1-9][0-9]{1,9}", "RO1234567890"),
        ["SE"] = (@"[0-9]{10}01", "SE123456789001"),
        ["SI"] = (@"[0-9]{8}", "SI12345678"),
        ["SK"] = (@"[0-9]{10}", "SK1234567890"),
        ["XI"] = (@"[0-9]{9}|[0-9]{12}|GD[0-9]{3}|HA[0-9]{3}", "XI123456789"),
    };
}
