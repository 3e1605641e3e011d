using System.Text;

namespace ControlPlane.Tests.Support.Fuzzing;

/// <summary>Values that commonly break programs.</summary>
static class HostileValues
{
    static readonly string Long = new('a', 6_000);
    static readonly string Deep = string.Concat(Enumerable.Repeat("[", 200)) + string.Concat(Enumerable.Repeat("]", 200));

    /// <summary>Percent-encoded, as in a query, a path segment or a form.</summary>
    public static readonly string[] Encoded =
    [
        "", "%20", "%00", "a%00b", "%ED%A0%80", "%ED%A0%80%ED%B0%80", "%C0%AF", "%FF%FE", "%", "%u0000", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "a%2Fb", "a%5Cb",
        "%0D%0ASet-Cookie:%20x=y", "%27%3B%20drop%20table%20control.tenant%3B--", "%3Cscript%3E", "%F0%9F%92%A5", "%E2%80%AE", "%EF%BF%BF", "%C4%B0", "+", "~",
        "-1", "0", "2147483647", "2147483648", "-2147483648", "99999999999999999999", "1e400", "NaN", "0x10", "1,000", "1.5",
        "9999-99-99", "0001-01-01", "9999-12-31", "9999-12-31T23:59:59.9999999-14:00", "0001-01-01T00:00:00%2B14:00", "2026-02-30", "2026-01-01%00",
        "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "%7B019c0000-0000-7000-8000-000000000000%7D", "day,day,user", "null", "true", Long,
    ];

    /// <summary>JSON values, as in a document.</summary>
    public static readonly string[] Json =
    [
        "null", "true", "[]", "{}", "\"\"", "\" \"", "\"\\u0000\"", "\"a\\u0000b\"", "\"\\ud800\"", "\"\\udc00x\"", "\"\\uffff\"", "\"\\u202e\"", "\"💥\"", "\"İ\"", "\"'; drop table control.tenant; --\"",
        "0", "-0", "-1", "0.5", "1e0", "1e400", "1e-400", "-1e308", "999999999", "1000000000", "1000000001", "9223372036854775807", "9223372036854775808",
        "79228162514264337593543950335", "79228162514264337593543950336", "0.0000001", "\"1\"", "\"NaN\"",
        "\"0001-01-01T00:00:00Z\"", "\"0001-01-01T00:00:00+14:00\"", "\"9999-12-31T23:59:59.9999999Z\"", "\"9999-12-31T23:59:59-14:00\"", "\"2026-02-30T00:00:00Z\"", "\"1999-12-31T23:59:59Z\"",
        "\"00000000-0000-0000-0000-000000000000\"", "[[[[\"a\"]]]]", "{\"a\":{\"b\":[1,2]}}", Deep, $"\"{Long}\"",
    ];

    /// <summary>Header values without line breaks, which no client can send.</summary>
    public static readonly string[] Header =
    [
        " ", "garbage", "Bearer", "Bearer ", "Bearer cpt_", "Bearer cpo_x y", "Basic Og==", "Bearer \u00fc\u00ff", "v1,", "v1,!!!!", "v1,AAAA v1,BBBB v2", ",,,;;;", "=", "\"", "\\", "a=b; c",
        "text/html;q=2", "*/*;q=x", "application/json; charset=utf-99", "application/json; charset=\"", "-1", "99999999999999999999", "1e9", "0", "{}", "%00", Long[..3_000],
    ];

    public static readonly string[] ContentTypes =
    [
        "application/json", "application/json; charset=utf-16", "application/x-ndjson", "application/cloudevents+json", "application/cloudevents-batch+json", "text/plain", "text/html", "application/xml",
        "application/x-www-form-urlencoded", "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=x", "application/json; charset=utf-99", "garbage", "/", "application/octet-stream",
    ];

    public static T Of<T>(this Random random, IReadOnlyList<T> values) => values[random.Next(values.Count)];

    public static byte[] Bytes(this Random random, int maximum)
    {
        var bytes = new byte[random.Next(maximum)];
        random.NextBytes(bytes);
        return bytes;
    }

    /// <summary>The text with some bytes changed, removed or duplicated, or truncated.</summary>
    public static byte[] Mutated(this Random random, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text).ToList();
        for (var changes = random.Next(1, 6); changes > 0 && bytes.Count > 0; changes--)
        {
            var at = random.Next(bytes.Count);
            switch (random.Next(4))
            {
                case 0: bytes[at] = (byte)random.Next(256); break;
                case 1: bytes.RemoveAt(at); break;
                case 2: bytes.Insert(at, bytes[at]); break;
                default: bytes.RemoveRange(at, Math.Min(bytes.Count - at, random.Next(40))); break;
            }
        }

        return [.. bytes];
    }
}
