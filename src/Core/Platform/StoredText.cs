using System.Text;

namespace ControlPlane.Platform;

/// <summary>Text of other programs, as the database can store it.</summary>
public static class StoredText
{
    /// <summary>
    /// Keeps lines and tabs. PostgreSQL stores no NUL, other control characters garble what shows the text, and half of a surrogate pair, which a cut at a number of
    /// characters leaves, cannot be encoded.
    /// </summary>
    public static string Clean(string text) => string.Concat(text.EnumerateRunes().Where(rune => !Rune.IsControl(rune) || rune.Value is '\n' or '\t'));
}
