using System.Globalization;
using System.Text;

namespace ControlPlane.Benchmarks.Load;

/// <summary>Events as a gateway reports them, each with a random id as in LiteLLM.</summary>
static class EventBodies
{
    public static readonly string[] Models = ["mistral:7b-instruct", "gpt-4-turbo", "claude-3-opus"];

    /// <summary>Users per tenant.</summary>
    public const int Users = 60;

    const string IdPlaceholder = "00000000000000000000000000000000";

    /// <summary>One event as JSON, with a placeholder for <see cref="ReplaceIds"/>.</summary>
    public static string Event(DateTimeOffset at, int number) => string.Create(
        CultureInfo.InvariantCulture,
        $$"""{"id":"{{IdPlaceholder}}","occurred_at":"{{at.AddTicks(number * 10):yyyy-MM-ddTHH:mm:ss.ffffffZ}}","user":"user-{{number * 7 % Users:00}}","session":"chat-{{number % 997:0000}}","model":"{{Models[number % 3]}}","prompt_tokens":{{number * 37 % 4000}},"completion_tokens":{{number * 13 % 900}}}""");

    public static byte[] Array(DateTimeOffset at, int count) =>
        Encoding.ASCII.GetBytes($"[{string.Join(',', Enumerable.Range(0, count).Select(number => Event(at, number)))}]");

    /// <summary>The offsets of the ids.</summary>
    public static int[] FindIds(ReadOnlySpan<byte> bytes)
    {
        var offsets = new List<int>();
        for (var from = 0; bytes[from..].IndexOf("\"id\":\""u8) is >= 0 and var next;)
        {
            offsets.Add(from + next + 6);
            from += next + 6;
        }

        return [.. offsets];
    }

    public static string NewId()
    {
        Span<byte> random = stackalloc byte[16];
        Random.Shared.NextBytes(random);
        return Convert.ToHexStringLower(random);
    }

    /// <summary>Writes a new id at each offset.</summary>
    public static void ReplaceIds(byte[] bytes, int[] offsets)
    {
        Span<byte> random = stackalloc byte[16];
        foreach (var offset in offsets)
        {
            Random.Shared.NextBytes(random);
            Convert.TryToHexStringLower(random, bytes.AsSpan(offset, IdPlaceholder.Length), out _);
        }
    }
}
