using System.Globalization;

namespace ControlPlane.Web.Shared;

/// <summary>One page of a list. <c>next_cursor</c> is absent on the last one.</summary>
public sealed record Page<T>(IReadOnlyList<T> Items, string? NextCursor);

public static class Page
{
    /// <param name="rows">One more than <paramref name="size"/> when there is a next page.</param>
    public static Page<T> Of<T>(IReadOnlyList<T> rows, int size, Func<T, string> cursorAfter) =>
        rows.Count > size ? new Page<T>([.. rows.Take(size)], cursorAfter(rows[size - 1])) : new Page<T>(rows, null);
}

/// <summary>Query parameters common to all lists.</summary>
public static class Query
{
    const int DefaultLimit = 100;
    const int MaximumLimit = 1_000;

    public static int Limit(int? requested) => Math.Clamp(requested ?? DefaultLimit, 1, MaximumLimit);

    /// <returns>null when the text is not a date.</returns>
    public static DateOnly? Day(string? text, DateOnly whenAbsent) =>
        string.IsNullOrEmpty(text) ? whenAbsent
            : DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day) ? day
            : DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var instant) ? DateOnly.FromDateTime(instant.UtcDateTime)
            : null;

    /// <summary>Cursor of a list without a sort key to continue from: the number of rows to skip.</summary>
    public static string Cursor(int offset) => offset.ToString(CultureInfo.InvariantCulture);

    public static int Offset(string? cursor) =>
        int.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out var offset) ? offset : 0;
}
