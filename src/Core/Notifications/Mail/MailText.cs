using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace ControlPlane.Notifications.Mail;

/// <summary>
/// Names that customers chose, for texts that go to other people. Mail programs turn whatever resembles an address into a link; a name must not become
/// one, nor bring a message of its own.
/// </summary>
public static partial class MailText
{
    const int MaxLength = 60;

    /// <summary>One short line without links: a dot or colon inside a word gets a space after it, as in "evil. example" and "https: //".</summary>
    public static string Name(string chosen)
    {
        var line = new StringBuilder(chosen.Length);
        foreach (var rune in chosen.EnumerateRunes())
        {
            line.Append(IsText(rune) ? rune.ToString() : " ");
        }

        var name = Spaces().Replace(InsideWord().Replace(line.ToString(), "$0 "), " ").Trim();
        return name.Length <= MaxLength ? name : name[..(char.IsHighSurrogate(name[MaxLength - 2]) ? MaxLength - 2 : MaxLength - 1)] + "…";
    }

    // Format characters include those that hide text or reverse its direction.
    static bool IsText(Rune rune) => Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
        or UnicodeCategory.ParagraphSeparator or UnicodeCategory.PrivateUse
        or UnicodeCategory.OtherNotAssigned or UnicodeCategory.Surrogate);

    // A dot before one letter ends an abbreviation, as in S.p.A.: no top-level domain is that short. The others are what browsers take for these characters.
    [GeneratedRegex(@"[.．。｡](?=[\p{L}\p{N}-]{2})|[:：@＠](?=\S)")]
    private static partial Regex InsideWord();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
