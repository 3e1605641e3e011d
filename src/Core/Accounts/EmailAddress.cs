using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace ControlPlane.Accounts;

/// <summary>Validates email addresses. This catches typos only; ownership is proven by the verification mail.</summary>
public static partial class EmailAddress
{
    /// <summary>RFC 5321, in bytes.</summary>
    const int MaxLength = 254;
    const int MaxLocalLength = 64;

    static readonly IdnMapping Idn = new() { UseStd3AsciiRules = true };

    /// <summary>Trims the address and writes an international domain in punycode, as browsers do in email fields: one address is stored in one form.</summary>
    public static string? Normalize(string? entered)
    {
        var trimmed = entered?.Trim();
        var at = trimmed?.LastIndexOf('@') ?? -1;
        if (at < 0 || Ascii.IsValid(trimmed.AsSpan(at)))
        {
            return trimmed;
        }

        try
        {
            return trimmed![..(at + 1)] + Idn.GetAscii(trimmed[(at + 1)..].ToLowerInvariant());
        }
        catch (ArgumentException)
        {
            // Not a domain: Problem rejects it.
            return trimmed;
        }
    }

    /// <param name="normalized">From <see cref="Normalize"/>.</param>
    /// <returns>What to enter instead; null when mail can be sent there.</returns>
    public static string? Problem(string? normalized) => normalized switch
    {
        null or "" => "Enter your email address.",
        _ when Encoding.UTF8.GetByteCount(normalized) > MaxLength => $"Enter an email address of at most {MaxLength} characters.",
        _ when !Shape().IsMatch(normalized) || Encoding.UTF8.GetByteCount(normalized.AsSpan(0, normalized.LastIndexOf('@'))) > MaxLocalLength =>
            "Enter an email address such as name@example.com.",
        _ => null,
    };

    // RFC 5321 and 6531 without quoted local parts and address literals, which no customer's mailbox has. Combining accents (U+0300 to U+036F) are
    // rejected: keyboards type composed letters, and the program has no data to compose them, so the same name would be another address.
    [GeneratedRegex(@"\A(?!.*[\u0300-\u036f])[\p{L}\p{M}\p{Nd}!#$%&'*+/=?^_`{|}~-]+(\.[\p{L}\p{M}\p{Nd}!#$%&'*+/=?^_`{|}~-]+)*@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}\z",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Shape();
}
