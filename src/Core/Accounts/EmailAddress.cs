using System.Text.RegularExpressions;

namespace ControlPlane.Accounts;

/// <summary>The shape of a mail address. Only the mail that arrives proves one, so the check is for slips of the hand.</summary>
public static partial class EmailAddress
{
    /// <returns>What to enter instead; null when mail may be sent there.</returns>
    public static string? Problem(string? email) => email switch
    {
        null or "" => "Enter your mail address.",
        { Length: > 254 } => "Enter a mail address of at most 254 characters.",
        _ when !Shape().IsMatch(email) => "Enter a mail address such as name@example.com.",
        _ => null,
    };

    // RFC 5321 without quoted local parts and address literals, which no mailbox of a customer has.
    [GeneratedRegex(@"\A(?=.{1,64}@)[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}\z",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Shape();
}
