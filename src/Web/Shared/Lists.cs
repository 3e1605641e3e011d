using System.Buffers.Text;
using System.Globalization;
using System.Text.Json;

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

    /// <returns>null when the text is not an ISO day such as 2026-01-31.</returns>
    public static DateOnly? Day(string? text, DateOnly whenAbsent) =>
        string.IsNullOrEmpty(text) ? whenAbsent
            : DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day) ? day : null;

    /// <summary>Cursor of a list that is sorted by several texts: those of the last row.</summary>
    public static string Cursor(IReadOnlyList<string> keys) => Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(keys));

    /// <param name="cursor">null on the first page.</param>
    /// <param name="count">Texts that the list is sorted by.</param>
    /// <param name="keys">Those of the last row of the previous page; null on the first page.</param>
    /// <returns>False when the cursor is not one of this list.</returns>
    public static bool TryReadCursor(string? cursor, int count, out IReadOnlyList<string>? keys)
    {
        keys = null;
        if (string.IsNullOrEmpty(cursor))
        {
            return true;
        }

        try
        {
            keys = JsonSerializer.Deserialize<List<string>>(Base64Url.DecodeFromChars(cursor));
            return keys?.Count == count && keys.All(key => key?.Contains('\0', StringComparison.Ordinal) == false);
        }
        catch (Exception e) when (e is FormatException or JsonException)
        {
            return false;
        }
    }
}
