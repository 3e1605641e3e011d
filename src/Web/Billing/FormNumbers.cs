using System.Globalization;
using System.Numerics;
using System.Text.RegularExpressions;

namespace ControlPlane.Web.Billing;

/// <summary>Numbers as people type them into forms.</summary>
static partial class FormNumbers
{
    /// <param name="decimals">At most.</param>
    /// <returns>null for an empty field.</returns>
    public static decimal? Amount(IFormCollection form, string name, FieldErrors errors, int decimals = 2)
    {
        var text = Text(form, name);
        if (text is null)
        {
            return null;
        }

        // Three digits after a point or comma may be thousands in one language and decimals in another.
        if (AmountPattern().Match(text) is { Success: true } match && match.Groups["decimals"].Length <= decimals
            && decimal.TryParse(text.Replace(',', '.'), NumberStyles.Number, CultureInfo.InvariantCulture, out var number))
        {
            return number;
        }

        errors.Check(name, $"Enter a number such as 1250.00, with at most {decimals} decimals and without separators of thousands.");
        return null;
    }

    /// <returns>null for an empty field.</returns>
    public static T? Whole<T>(IFormCollection form, string name, FieldErrors errors) where T : struct, IBinaryInteger<T>
    {
        var text = Text(form, name);
        if (text is null)
        {
            return null;
        }

        if (T.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            return number;
        }

        errors.Check(name, "Enter a whole number.");
        return null;
    }

    [GeneratedRegex(@"^-?[0-9]{1,12}([.,](?<decimals>[0-9]+))?$")]
    private static partial Regex AmountPattern();

    public static string? Text(IFormCollection form, string name) => form[name] is [{ } value] && value.Trim() is { Length: > 0 } text ? text : null;
}
