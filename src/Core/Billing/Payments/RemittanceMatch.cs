namespace ControlPlane.Billing.Payments;

/// <summary>Finds the number of an invoice in what a payer has written: in any case, with spaces and punctuation wherever banks and people put them.</summary>
public static class RemittanceMatch
{
    /// <returns>The one number that is in the text; null: none, or several, which an operator has to divide.</returns>
    public static string? NumberIn(string remittance, IEnumerable<string> numbers)
    {
        var found = numbers.Where(number => Contains(remittance, number)).Take(2).ToList();
        return found.Count == 1 ? found[0] : null;
    }

    static bool Contains(string text, string number)
    {
        var wanted = string.Concat(number.Where(char.IsAsciiLetterOrDigit));
        return wanted.Length > 0 && Enumerable.Range(0, text.Length).Any(start => IsAt(text, start, wanted));
    }

    // Not within a longer number: INV-000012 is not in INV-0000123.
    static bool IsAt(string text, int start, string wanted)
    {
        if (start > 0 && char.IsAsciiDigit(wanted[0]) && char.IsAsciiDigit(text[start - 1]))
        {
            return false;
        }

        var (at, matched) = (start, 0);
        for (; at < text.Length && matched < wanted.Length; at++)
        {
            if (char.ToUpperInvariant(text[at]) == char.ToUpperInvariant(wanted[matched]))
            {
                matched++;
            }
            else if (matched == 0 || char.IsAsciiLetterOrDigit(text[at]))
            {
                return false;
            }
        }

        return matched == wanted.Length && (at == text.Length || !char.IsAsciiDigit(text[at]));
    }
}
