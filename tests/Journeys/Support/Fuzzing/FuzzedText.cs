using System.Buffers;
using System.Text;

namespace ControlPlane.Tests.Support.Fuzzing;

/// <summary>Inputs of a parser: mutations and combinations of valid ones, and random bytes. The same seed gives the same inputs.</summary>
sealed class FuzzedText(Random random, IReadOnlyList<string> valid)
{
    static readonly SearchValues<char> Delimiters = SearchValues.Create(":,\"}]\n ");

    public byte[] Next() => random.Next(8) switch
    {
        0 => random.Bytes(300),
        1 => Encoding.UTF8.GetBytes(random.Of(valid)),
        2 => Encoding.UTF8.GetBytes(Spliced(random.Of(valid), random.Of(valid))),
        3 => Encoding.UTF8.GetBytes(WithHostileValue(random.Of(valid))),
        _ => random.Mutated(random.Of(valid)),
    };

    string Spliced(string one, string other) => one[..random.Next(one.Length + 1)] + other[random.Next(other.Length + 1)..];

    // In place of some text between two delimiters.
    string WithHostileValue(string text)
    {
        var start = random.Next(text.Length + 1);
        var end = text.AsSpan(start).IndexOfAny(Delimiters) is >= 0 and var found ? start + found : text.Length;
        return text[..start] + random.Of(HostileValues.Json) + text[end..];
    }
}
