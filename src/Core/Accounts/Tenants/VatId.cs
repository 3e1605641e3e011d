using System.Text.RegularExpressions;

namespace ControlPlane.Accounts.Tenants;

/// <summary>
/// VAT identification numbers in the format of the European Commission (VIES). The format and the check digits are checked here; whether a number is
/// registered is asked of the register before reverse charge is applied.
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
        var home = TaxedAs(country);
        var prefixes = Formats.Keys.Where(prefix => CountryOf(prefix) == home).ToArray();
        if (PrefixOf(normalized) is { } written)
        {
            return CountryOf(written) != home
                ? $"This is a number of {Countries.NameOf(CountryOf(written))}. Select that country, or enter a number of your country."
                : VatIdChecksum.Holds(written, normalized[written.Length..])
                    ? null
                    : "The check digits of this number are wrong. Compare it with your registration, or leave this empty.";
        }

        // Great Britain has its own numbers besides those of Northern Ireland, so it is treated like a country outside the EU.
        return prefixes is [var own] && home != "GB"
            ? $"Enter a number such as {Formats[own].Example}, or leave this empty."
            : Elsewhere().IsMatch(normalized) ? null : "Enter 4 to 20 letters and digits, or leave this empty.";
    }

    /// <summary>Whether the register of the European Union (VIES) can confirm it: one of a member state or Northern Ireland, with right check digits.</summary>
    public static bool IsEuropean(string normalized) => PrefixOf(normalized) is { } prefix && VatIdChecksum.Holds(prefix, normalized[prefix.Length..]);

    /// <summary>Monaco belongs to France in matters of VAT (Directive 2006/112/EC, article 7), with numbers of France.</summary>
    public static string TaxedAs(string country) => country == "MC" ? "FR" : country;

    static string? PrefixOf(string normalized) =>
        Formats.Keys.FirstOrDefault(prefix => normalized.StartsWith(prefix, StringComparison.Ordinal) && Matches(prefix, normalized));

    static bool Matches(string prefix, string normalized) =>
        Regex.IsMatch(normalized.AsSpan(prefix.Length), $@"\A(?:{Formats[prefix].Pattern})\z", RegexOptions.CultureInvariant);

    /// <summary>The prefix is the country's code, except for Greece and Northern Ireland.</summary>
    static string CountryOf(string prefix) => prefix switch { "EL" => "GR", "XI" => "GB", _ => prefix };

    [GeneratedRegex(@"\A[A-Z0-9]{4,20}\z")]
    private static partial Regex Elsewhere();

    static readonly Dictionary<string, (string Pattern, string Example)> Formats = new()
    {
        ["AT"] = (@"U[0-9]{8}", "ATU12345675"),
        ["BE"] = (@"[01][0-9]{9}", "BE0123456749"),
        ["BG"] = (@"[0-9]{9,10}", "BG123456786"),
        ["CY"] = (@"[0-9]{8}[A-Z]", "CY10345678D"),
        ["CZ"] = (@"[0-9]{8,10}", "CZ12345679"),
        ["DE"] = (@"[0-9]{9}", "DE123456788"),
        ["DK"] = (@"[0-9]{8}", "DK12345607"),
        ["EE"] = (@"[0-9]{9}", "EE123456780"),
        ["EL"] = (@"[0-9]{9}", "EL123456783"),
        ["ES"] = (@"[A-Z][0-9]{7}[A-Z0-9]|[0-9]{8}[A-Z]", "ESX1234567L"),
        ["FI"] = (@"[0-9]{8}", "FI12345671"),
        ["FR"] = (@"[A-HJ-NP-Z0-9]{2}[0-9]{9}", "FR32123456789"),
        ["HR"] = (@"[0-9]{11}", "HR12345678903"),
        ["HU"] = (@"[0-9]{8}", "HU12345676"),
        ["IE"] = (@"[0-9][A-Z0-9+*][0-9]{5}[A-W][A-I]?", "IE1234567FA"),
        ["IT"] = (@"[0-9]{11}", "IT12345670017"),
        ["LT"] = (@"[0-9]{9}|[0-9]{12}", "LT123456715"),
        ["LU"] = (@"[0-9]{8}", "LU12345613"),
        ["LV"] = (@"[0-9]{11}", "LV41234567891"),
        ["MT"] = (@"[0-9]{8}", "MT12345634"),
        ["NL"] = (@"[0-9]{9}B[0-9]{2}", "NL123456782B01"),
        ["PL"] = (@"[0-9]{10}", "PL1234563218"),
        ["PT"] = (@"[0-9]{9}", "PT123456789"),
        ["RO"] = (@"[1-9][0-9]{1,9}", "RO1234567897"),
        ["SE"] = (@"[0-9]{10}01", "SE123456789701"),
        ["SI"] = (@"[0-9]{8}", "SI12345679"),
        ["SK"] = (@"[0-9]{10}", "SK1234567807"),
        ["XI"] = (@"[0-9]{9}|[0-9]{12}|GD[0-9]{3}|HA[0-9]{3}", "XI123456727"),
    };
}
