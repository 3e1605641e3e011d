using System.Globalization;

namespace ControlPlane.Web.Shared;

/// <summary>One page of a list. <c>next_cursor</c> is absent on the last one.</summary>
public sealed record Page<T>(IReadOnlyList<T> Items, string? NextCursor);

public static class Page
{
    /// <param name="rows">One more than the page holds, when there is more.</param>
    public static Page<T> Of<T>(IReadOnlyList<T> rows, int size, Func<T, string> cursorAfter) =>
        rows.Count > size ? new Page<T>([.. rows.Take(size)], cursorAfter(rows[size - 1])) : new Page<T>(rows, null);
}

/// <summary>Reads query parameters that lists share.</summary>
public static class Query
{
    const int DefaultLimit = 100;
    const int MaximumLimit = 1_000;

    public static int Limit(int? asked) => Math.Clamp(asked ?? DefaultLimit, 1, MaximumLimit);

    /// <returns>null when the text is no day.</returns>
    public static DateOnly? Day(string? text, DateOnly whenAbsent) =>
        string.IsNullOrEmpty(text) ? whenAbsent
            : DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day) ? day
            : DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var instant) ? DateOnly.FromDateTime(instant.UtcDateTime)
            : null;

    /// <summary>A cursor over a list without a key to go on from: the number of rows before.</summary>
    public static string Cursor(int offset) => offset.ToString(CultureInfo.InvariantCulture);

    public static int Offset(string? cursor) =>
        int.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out var offset) ? offset : 0;
}
