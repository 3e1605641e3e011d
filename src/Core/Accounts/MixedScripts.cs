namespace ControlPlane.Accounts;

/// <summary>
/// Finds words that can pass for others because their letters come from alphabets with look-alikes, as in Unicode Technical Standard 39. Scripts whose letters
/// look like no Latin ones, such as Han, Arabic or Devanagari, may be combined with Latin, as people do.
/// </summary>
static class MixedScripts
{
    /// <summary>First and last letter of the blocks of scripts that have look-alikes in each other. The program has no Unicode script data.</summary>
    static readonly (char First, char Last, string Script)[] Blocks =
    [
        ('A', 'Z', "Latin"), ('a', 'z', "Latin"), ('\u00aa', '\u024f', "Latin"), ('\u0250', '\u02af', "Latin"), ('\u0370', '\u03ff', "Greek"),
        ('\u0400', '\u052f', "Cyrillic"), ('\u0531', '\u058f', "Armenian"), ('\u10a0', '\u10ff', "Georgian"), ('\u13a0', '\u13ff', "Cherokee"),
        ('\u1c80', '\u1c8f', "Cyrillic"), ('\u1d00', '\u1dbf', "Latin"), ('\u1e00', '\u1eff', "Latin"), ('\u1f00', '\u1fff', "Greek"),
        ('\u2c60', '\u2c7f', "Latin"), ('\u2c80', '\u2cff', "Coptic"), ('\u2de0', '\u2dff', "Cyrillic"), ('\ua640', '\ua69f', "Cyrillic"),
        ('\ua720', '\ua7ff', "Latin"), ('\uab30', '\uab6f', "Latin"), ('\uab70', '\uabbf', "Cherokee"),
    ];

    // Cyrillic letters that look like Latin ones. A name that consists of them alone passes for a Latin one.
    const string CyrillicLookAlikes = "асԁеһіјӏорԛѕԝху";

    /// <summary>Whether a word has letters of several of these scripts, or compatibility forms such as fullwidth letters.</summary>
    public static bool IsMixed(ReadOnlySpan<char> word)
    {
        string? script = null;
        foreach (var c in word)
        {
            if (c is >= '\uff00' and <= '\uffef')
            {
                return true;
            }

            if (char.IsLetter(c) && ScriptOf(c) is { } found)
            {
                if (script is not null && script != found)
                {
                    return true;
                }

                script = found;
            }
        }

        return false;
    }

    /// <summary>Whether a word consists of Cyrillic letters that all look like Latin ones.</summary>
    public static bool PassesForLatin(ReadOnlySpan<char> word)
    {
        var letters = 0;
        foreach (var c in word)
        {
            if (char.IsLetter(c))
            {
                if (!CyrillicLookAlikes.Contains(char.ToLowerInvariant(c)))
                {
                    return false;
                }

                letters++;
            }
        }

        return letters > 0;
    }

    static string? ScriptOf(char c)
    {
        foreach (var (first, last, script) in Blocks)
        {
            if (c >= first && c <= last)
            {
                return script;
            }
        }

        return null;
    }
}
