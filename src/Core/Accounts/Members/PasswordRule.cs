namespace ControlPlane.Accounts.Members;

/// <summary>A password must be long (NIST SP 800-63B): there are no rules about digits or symbols, but the most common passwords are rejected.</summary>
public static class PasswordRule
{
    public const int MinLength = 12;
    public const int MaxLength = 128;

    /// <param name="names">Must not be the password: the person's address, the organization's name.</param>
    /// <returns>What to enter instead; null when the password is acceptable.</returns>
    public static string? Validate(string? password, params string?[] names) => password switch
    {
        null or "" => $"Choose a password of at least {MinLength} characters.",
        { Length: < MinLength } => $"Choose a password of at least {MinLength} characters; this one has {password.Length}.",
        { Length: > MaxLength } => $"Choose a password of at most {MaxLength} characters.",
        _ when names.Any(name => string.Equals(password, name, StringComparison.OrdinalIgnoreCase)) =>
            "Choose a password that is not your email address or your organization's name.",
        _ when password.Distinct().Count() < 4 || Common.Contains(password) => "This password is too common. Choose another one.",
        _ => null,
    };

    // Those of at least twelve characters in public lists of leaked passwords.
    static readonly HashSet<string> Common = new(StringComparer.OrdinalIgnoreCase)
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
