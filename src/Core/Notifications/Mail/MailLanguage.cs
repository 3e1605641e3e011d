using System.Globalization;

namespace ControlPlane.Notifications.Mail;

/// <summary>Amounts, dates and numbers as people of a language write them. A table, because the program contains no culture data.</summary>
public sealed class MailLanguage
{
    public const string English = "en";
    public const string German = "de";

    static readonly string[] EnglishMonths =
        ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

    static readonly string[] GermanMonths =
        ["Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"];

    readonly bool _isGerman;

    MailLanguage(bool isGerman) => _isGerman = isGerman;

    /// <param name="code">Of a tenant; English where it is unknown.</param>
    public static MailLanguage Of(string code) => new(code == German);

    public string Code => _isGerman ? German : English;

    /// <summary>€1,234.50 or 1.234,50 €.</summary>
    public string Euro(decimal amount)
    {
        var number = Local(Math.Abs(amount).ToString("N2", CultureInfo.InvariantCulture));
        var sign = amount < 0 ? "−" : "";
        return _isGerman ? $"{sign}{number}\u00a0€" : $"{sign}€{number}";
    }

    /// <summary>1,234,567 or 1.234.567.</summary>
    public string Count(long count) => Local(count.ToString("N0", CultureInfo.InvariantCulture));

    /// <summary>1 March 2026 or 1. März 2026.</summary>
    public string Day(DateOnly day) => _isGerman
        ? $"{day.Day}. {GermanMonths[day.Month - 1]} {day.Year}"
        : $"{day.Day} {EnglishMonths[day.Month - 1]} {day.Year}";

    public string Day(DateTimeOffset at) => Day(DateOnly.FromDateTime(at.UtcDateTime));

    /// <summary>1 March 2026 at 09:00 UTC or 1. März 2026, 09:00 Uhr UTC.</summary>
    public string Time(DateTimeOffset at) => string.Create(
        CultureInfo.InvariantCulture, $"{Day(at)}{(_isGerman ? "," : " at")} {at.UtcDateTime:HH:mm}{(_isGerman ? " Uhr" : "")} UTC");

    /// <param name="end">Exclusive.</param>
    public string Period(DateOnly start, DateOnly end) => $"{Day(start)}{(_isGerman ? " bis " : " to ")}{Day(end.AddDays(-1))}";

    string Local(string number) => _isGerman ? number.Replace(',', ' ').Replace('.', ',').Replace(' ', '.') : number;
}
