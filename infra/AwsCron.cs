using System.Globalization;

namespace ControlPlane.Infra;

/// <summary>
/// Converts a cron expression with five fields, as the job schedules use, to the six fields of AWS: minutes hours day-of-month month day-of-week year.
/// AWS also requires a ? in one of the two day fields, and numbers the days of the week from Sunday = 1.
/// </summary>
public static class AwsCron
{
    static readonly string[] Days = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

    /// <param name="cron">For example "10 0 * * *".</param>
    /// <returns>For example "cron(10 0 * * ? *)".</returns>
    /// <exception cref="ArgumentException">Not five fields of numbers, lists, ranges and steps; or both day fields are restricted, which means "either" in
    /// cron and has no equivalent in AWS.</exception>
    public static string From(string cron)
    {
        var fields = cron.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length != 5)
        {
            throw new ArgumentException($"\"{cron}\" has {fields.Length} fields. Use five: minute hour day-of-month month day-of-week.", nameof(cron));
        }

        if (fields[2] != "*" && fields[4] != "*")
        {
            throw new ArgumentException($"\"{cron}\" restricts both the day of the month and the day of the week. AWS supports only one of them: use * for the other.", nameof(cron));
        }

        var (minute, hour, month) = (Field(cron, fields[0], 0, 59), Field(cron, fields[1], 0, 23), Field(cron, fields[3], 1, 12));
        var (dayOfMonth, dayOfWeek) = fields[4] == "*"
            ? (Field(cron, fields[2], 1, 31), "?")
            : ("?", string.Join(',', Values(cron, fields[4], 0, 7).Select(day => day % 7).Distinct().Order().Select(day => Days[day])));
        return $"cron({minute} {hour} {dayOfMonth} {month} {dayOfWeek} *)";
    }

    static string Field(string cron, string field, int from, int to) =>
        field == "*" ? "*" : string.Join(',', Values(cron, field, from, to).Select(value => value.ToString(CultureInfo.InvariantCulture)));

    // Expands steps and ranges: "*/20" becomes 0,20,40.
    static IEnumerable<int> Values(string cron, string field, int from, int to) => field.Split(',').SelectMany(part =>
    {
        var steps = part.Split('/');
        var bounds = steps[0] == "*" ? [from, to] : steps[0].Split('-').Select(text => Number(cron, text, from, to)).ToArray();
        var step = steps.Length == 2 ? Number(cron, steps[1], 1, to) : 1;
        var last = bounds.Length == 2 ? bounds[1] : steps.Length == 2 ? to : bounds[0];
        if (steps.Length > 2 || bounds.Length > 2 || bounds[0] > last)
        {
            throw new ArgumentException($"\"{part}\" in \"{cron}\" is not a number, range or step.", nameof(cron));
        }

        return Enumerable.Range(bounds[0], last - bounds[0] + 1).Where(value => (value - bounds[0]) % step == 0);
    }).Distinct().Order();

    static int Number(string cron, string text, int from, int to) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= from && number <= to
            ? number
            : throw new ArgumentException($"\"{text}\" in \"{cron}\" is not a number from {from} to {to}.", nameof(cron));
}
