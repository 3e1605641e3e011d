using System.Globalization;
using System.Text;

namespace ControlPlane.Benchmarks.Load;

/// <summary>Events as a gateway reports them, each with a random id, as LiteLLM's are.</summary>
static class EventBodies
{
    public static readonly string[] Models = ["mistral:7b-instruct", "gpt-4-turbo", "claude-3-opus"];

    /// <summary>Users of a tenant.</summary>
    public const int Users = 60;

    const string IdPlaceholder = "00000000000000000000000000000000";

    /// <summary>One event as JSON. Its id is to be filled in by <see cref="Renew"/>.</summary>
    public static string Event(DateTimeOffset at, int number) => string.Create(
        CultureInfo.InvariantCulture,
        $$"""{"id":"{{IdPlaceholder}}","occurred_at":"{{at.AddTicks(number * 10):yyyy-MM-ddTHH:mm:ss.ffffffZ}}","user":"user-{{number * 7 % Users:00}}","session":"chat-{{number % 997:0000}}","model":"{{Models[number % 3]}}","prompt_tokens":{{number * 37 % 4000}},"completion_tokens":{{number * 13 % 900}}}""");

    public static byte[] Array(DateTimeOffset at, int count) =>
        Encoding.ASCII.GetBytes($"[{string.Join(',', Enumerable.Range(0, count).Select(number => Event(at, number)))}]");

    /// <summary>Where the ids are in some bytes.</summary>
    public static int[] Places(ReadOnlySpan<byte> bytes)
    {
        var places = new List<int>();
        for (var from = 0; bytes[from..].IndexOf("\"id\":\""u8) is >= 0 and var next;)
        {
            places.Add(from + next + 6);
            from += next + 6;
        }

        return [.. places];
    }

    public static string NewId()
    {
        Span<byte> random = stackalloc byte[16];
        Random.Shared.NextBytes(random);
        return Convert.ToHexStringLower(random);
    }

    /// <summary>Gives each event a new id.</summary>
    public static void Renew(byte[] bytes, int[] places)
    {
        Span<byte> random = stackalloc byte[16];
        foreach (var place in places)
        {
            Random.Shared.NextBytes(random);
            Convert.TryToHexStringLower(random, bytes.AsSpan(place, IdPlaceholder.Length), out _);
        }
    }
}
