using System.Globalization;

namespace ControlPlane.Web.Billing;

/// <summary>Numbers as people type them into forms.</summary>
static class FormNumbers
{
    /// <returns>null for an empty field.</returns>
    public static decimal? Amount(IFormCollection form, string name, FieldErrors errors)
    {
        var text = Text(form, name);
        if (text is null)
        {
            return null;
        }

        // A comma is a decimal one: amounts here have no groups of thousands.
        if (decimal.TryParse(text.Replace(',', '.'), NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
        {
            return number;
        }

        errors.Check(name, "Enter a number such as 9.90.");
        return null;
    }

    /// <returns>null for an empty field.</returns>
    public static int? Whole(IFormCollection form, string name, FieldErrors errors)
    {
        var text = Text(form, name);
        if (text is null)
        {
            return null;
        }

        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            return number;
        }

        errors.Check(name, "Enter a whole number.");
        return null;
    }

    public static string? Text(IFormCollection form, string name) => form[name] is [{ } value] && value.Trim() is { Length: > 0 } text ? text : null;
}
