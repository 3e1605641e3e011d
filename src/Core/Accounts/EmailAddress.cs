using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace ControlPlane.Accounts;

/// <summary>Validates email addresses. This catches typos only; ownership is proven by the verification mail.</summary>
public static partial class EmailAddress
{
    const string Example = "Enter an email address such as name@example.com.";

    /// <summary>RFC 5321, in bytes.</summary>
    const int MaxLength = 254;
    const int MaxLocalLength = 64;

    static readonly IdnMapping Idn = new() { UseStd3AsciiRules = true };

    /// <summary>Trims the address and writes an international domain in punycode, as browsers do in email fields: one address is stored in one form.</summary>
    public static string? Normalize(string? entered)
    {
        var trimmed = entered?.Trim();
        var at = trimmed?.LastIndexOf('@') ?? -1;
        if (at < 0 || Ascii.IsValid(trimmed.AsSpan(at)) || CombiningAccent().IsMatch(trimmed!))
        {
            return trimmed;
        }

        try
        {
            return trimmed![..(at + 1)] + Idn.GetAscii(trimmed[(at + 1)..].ToLowerInvariant());
        }
        catch (ArgumentException)
        {
            // Not a domain: Validate rejects it.
            return trimmed;
        }
    }

    /// <summary>A key for counters and cookies that does not show the address. Letter case does not matter, as in every comparison of addresses.</summary>
    public static byte[] KeyOf(string normalized) => SHA256.HashData(Encoding.UTF8.GetBytes(normalized.ToLowerInvariant()));

    /// <returns>What to enter instead; null when mail can be sent there.</returns>
    public static string? Validate(string? entered) => Normalize(entered) switch
    {
        null or "" => "Enter your email address.",
        var address when Encoding.UTF8.GetByteCount(address) > MaxLength => $"Enter an email address of at most {MaxLength} characters.",
        var address when !Pattern().IsMatch(address) || CombiningAccent().IsMatch(address) => Example,
        var address when address.Any(LooksAsciiInLowerCase) => Example,
        var address when Encoding.UTF8.GetByteCount(address.AsSpan(0, address.LastIndexOf('@'))) > MaxLocalLength => Example,
        var address when IsUnsendable(address[(address.LastIndexOf('@') + 1)..]) => "Mail to this domain cannot be delivered. Enter an address at a public domain.",
        var address when UnicodeLabels(address) is null => Example,
        var address when IsConfusable(address) =>
            "This address mixes letters of different alphabets that look alike, such as a Latin and a Cyrillic “a”. Type it again with letters of one alphabet.",
        _ => null,
    };

    // Addresses are compared in lower case, and these letters, such as the Kelvin sign, would then be another person's.
    static bool LooksAsciiInLowerCase(char c) => !char.IsAscii(c) && (char.IsAscii(char.ToLowerInvariant(c)) || c is '\u0130' or '\u0131' or '\u017f');

    /// <summary>Whether a part between dots can pass for another one. Whole Cyrillic domains are fine below a Cyrillic top-level domain.</summary>
    static bool IsConfusable(string address)
    {
        var labels = UnicodeLabels(address)!;
        return address[..address.LastIndexOf('@')].Split('.').Concat(labels).Any(part => MixedScripts.IsMixed(part))
            || (Ascii.IsValid(labels[^1]) && labels[..^1].Any(label => MixedScripts.PassesForLatin(label)));
    }

    /// <returns>The parts of the domain as people read them; null when one claims to be punycode and is not.</returns>
    static string[]? UnicodeLabels(string address)
    {
        try
        {
            return Idn.GetUnicode(address[(address.LastIndexOf('@') + 1)..]).Split('.');
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    /// <summary>Numbers, and top-level domains that are reserved for local use (RFC 2606, 6762, 7686 and 8375).</summary>
    static bool IsUnsendable(string domain)
    {
        var top = domain[(domain.LastIndexOf('.') + 1)..].ToLowerInvariant();
        return top is "invalid" or "localhost" or "local" or "onion" or "internal" || domain.EndsWith("home.arpa", StringComparison.OrdinalIgnoreCase)
            || top.All(char.IsAsciiDigit) || top[0] == '-' || top[^1] == '-';
    }

    // The program has no data to compose a letter and its accent, and the decomposed form would be another address. Keyboards type composed letters.
    [GeneratedRegex(@"[\u0300-\u036f]")]
    private static partial Regex CombiningAccent();

    // RFC 5321 and 6531 without quoted local parts and address literals, which no customer's mailbox has.
    [GeneratedRegex(@"\A[\p{L}\p{M}\p{Nd}!#$%&'*+/=?^_`{|}~-]+(\.[\p{L}\p{M}\p{Nd}!#$%&'*+/=?^_`{|}~-]+)*@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}\z",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Pattern();
}
