using System.Text;

namespace ControlPlane.Accounts;

/// <summary>Validates names of organizations, keys and the like: one line of text.</summary>
public static class PlainText
{
    /// <summary>Whether all characters can be printed and stored: no control characters, line breaks or broken surrogate pairs.</summary>
    public static bool IsPrintable(string text)
    {
        for (var i = 0; i < text.Length;)
        {
            if (!Rune.TryGetRuneAt(text, i, out var rune) || Rune.IsControl(rune) || rune.Value is 0x2028 or 0x2029)
            {
                return false;
            }

            i += rune.Utf16SequenceLength;
        }

        return true;
    }
}
