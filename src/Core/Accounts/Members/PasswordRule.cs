namespace ControlPlane.Accounts.Members;

/// <summary>Length is what makes a password strong (NIST SP 800-63B): no rules about digits or symbols, but the best-known ones are refused.</summary>
public static class PasswordRule
{
    public const int Shortest = 12;
    public const int Longest = 128;

    /// <param name="names">What must not be the password: the person's address, the organization's name.</param>
    /// <returns>What to do instead; null when the password will do.</returns>
    public static string? Problem(string? password, params string?[] names) => password switch
    {
        null or "" => $"Choose a password of at least {Shortest} characters.",
        { Length: < Shortest } => $"Choose a password of at least {Shortest} characters; this one has {password.Length}.",
        { Length: > Longest } => $"Choose a password of at most {Longest} characters.",
        _ when names.Any(name => string.Equals(password, name, StringComparison.OrdinalIgnoreCase)) =>
            "Choose a password that is not your address or your organization's name.",
        _ when password.Distinct().Count() < 4 || WellKnown.Contains(password) => "This password is among the first that are tried. Choose another one.",
        _ => null,
    };

    // Of twelve and more characters, from the public lists of leaked passwords.
    static readonly HashSet<string> WellKnown = new(StringComparer.OrdinalIgnoreCase)
    {
        "123456789012", "1234567890123", "12345678901234", "1234567890abc", "0987654321098", "abcdefghijkl", "abcdefghijklmnop",
        "qwertyuiop12", "qwertyuiop123", "qwertyuiopasdf", "qwertyuiopasdfgh", "1q2w3e4r5t6y", "1q2w3e4r5t6y7u8i", "1qaz2wsx3edc",
        "1qaz2wsx3edc4rfv", "qazwsxedcrfv", "zaq12wsxcde3", "asdfghjkl123", "password1234", "password12345", "password123456",
        "passwordpassword", "password123!", "password1234!", "p@ssw0rd1234", "passw0rd1234", "administrator", "admin1234567",
        "adminadminadmin", "letmeinletmein", "welcome12345", "welcome123456", "changeme1234", "changemechangeme", "iloveyou1234",
        "iloveyouforever", "football1234", "baseball1234", "sunshine1234", "princess1234", "superman1234", "trustno1trustno1",
        "qwerty123456", "qwertyqwerty", "qwerty12345678", "unbelievable", "mypassword123", "secretsecret", "startrek1234",
    };
}
