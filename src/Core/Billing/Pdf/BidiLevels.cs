using System.Text;
using HarfBuzzSharp;
using static ControlPlane.Billing.Pdf.BidiClass;

namespace ControlPlane.Billing.Pdf;

/// <summary>
/// Embedding levels of one paragraph: odd runs read from right to left. Source: Unicode Bidirectional Algorithm (UAX #9), rules P2 to I2.
/// Isolates are honoured. Embeddings and overrides are not expected: they are removed from texts beforehand, because they can disguise what a text says.
/// </summary>
public sealed class BidiLevels
{
    readonly Rune[] runes;
    readonly BidiClass[] original;
    readonly BidiClass[] classes;
    readonly int[] levels;

    BidiLevels(Rune[] runes)
    {
        this.runes = runes;
        original = [.. runes.Select(BidiClasses.Of)];
        classes = [.. original];
        levels = new int[runes.Length];
    }

    /// <returns>A level for each UTF-16 unit.</returns>
    public static int[] Of(string paragraph)
    {
        Rune[] runes = [.. paragraph.EnumerateRunes()];
        var bidi = new BidiLevels(runes);
        bidi.Resolve(0, runes.Length, bidi.FirstStrong(0, runes.Length) == R ? 1 : 0);
        return [.. runes.Zip(bidi.levels).SelectMany(pair => Enumerable.Repeat(pair.Second, pair.First.Utf16SequenceLength))];
    }

    /// <summary>The character that replaces a bracket or another paired sign in text from right to left.</summary>
    public static Rune Mirrored(Rune rune) => new(UnicodeFunctions.Default.GetMirroring(rune.Value));

    /// <summary>P2 and P3: the direction of the first strong character outside of isolates.</summary>
    BidiClass FirstStrong(int start, int end)
    {
        for (var at = start; at < end; at++)
        {
            switch (original[at])
            {
                case L:
                    return L;
                case R or AL:
                    return R;
                case LRI or RLI or FSI:
                    at = EndOfIsolate(at, end);
                    break;
            }
        }

        return L;
    }

    /// <returns>The index of the matching PDI, or <paramref name="end"/> when there is none (BD9).</returns>
    int EndOfIsolate(int initiator, int end)
    {
        var depth = 0;
        for (var at = initiator; at < end; at++)
        {
            depth += original[at] switch { LRI or RLI or FSI => 1, PDI => -1, _ => 0 };
            if (depth == 0)
            {
                return at;
            }
        }

        return end;
    }

    /// <summary>Resolves one isolating run sequence; the isolates in it are neutral there and are resolved for themselves.</summary>
    void Resolve(int start, int end, int level)
    {
        var sequence = new List<int>();
        for (var at = start; at < end; at++)
        {
            levels[at] = level;
            if (original[at] is LRI or RLI or FSI)
            {
                var close = EndOfIsolate(at, end);
                var isRightToLeft = original[at] == RLI || (original[at] == FSI && FirstStrong(at + 1, close) == R);
                Resolve(at + 1, close, isRightToLeft ? (level + 1) | 1 : (level + 2) & ~1);
                sequence.Add(at);
                at = close - 1;
            }
            else if (original[at] != BN)
            {
                sequence.Add(at);
            }
        }

        var embedding = level % 2 == 0 ? L : R;
        ResolveWeak(sequence, embedding);
        ResolveBrackets(sequence, embedding);
        ResolveNeutral(sequence, embedding);
        foreach (var at in sequence)
        {
            levels[at] += (level % 2, classes[at]) switch { (0, R) => 1, (0, AN or EN) => 2, (1, L or AN or EN) => 1, _ => 0 };
        }

        // What has no width of its own goes where the character before it goes.
        for (var at = start + 1; at < end; at++)
        {
            levels[at] = original[at] == BN ? levels[at - 1] : levels[at];
        }
    }

    /// <summary>W1 to W7: marks, numbers and what belongs to numbers.</summary>
    void ResolveWeak(List<int> sequence, BidiClass embedding)
    {
        var (previous, strong) = (embedding, embedding);
        foreach (var at in sequence)
        {
            classes[at] = classes[at] switch
            {
                NSM => previous is LRI or RLI or FSI or PDI ? ON : previous,
                var own => own,
            };
            previous = classes[at];
        }

        foreach (var at in sequence)
        {
            strong = classes[at] is L or R or AL ? classes[at] : strong;
            classes[at] = classes[at] == EN && strong == AL ? AN : classes[at];
        }

        for (var i = 1; i + 1 < sequence.Count; i++)
        {
            var (before, own, after) = (classes[sequence[i - 1]], classes[sequence[i]], classes[sequence[i + 1]]);
            if (before == after && (own, before) is (ES or CS, EN) or (CS, AN))
            {
                classes[sequence[i]] = before;
            }
        }

        for (var i = 0; i < sequence.Count; i++)
        {
            var last = i;
            while (last < sequence.Count && classes[sequence[last]] == ET)
            {
                last++;
            }

            if (last > i && ((i > 0 && classes[sequence[i - 1]] == EN) || (last < sequence.Count && classes[sequence[last]] == EN)))
            {
                sequence[i..last].ForEach(at => classes[at] = EN);
            }

            i = Math.Max(i, last - 1);
        }

        strong = embedding;
        foreach (var at in sequence)
        {
            classes[at] = classes[at] switch { AL => R, ES or ET or CS => ON, var own => own };
            strong = classes[at] is L or R ? classes[at] : strong;
            classes[at] = classes[at] == EN && strong == L ? L : classes[at];
        }
    }

    /// <summary>N0: both brackets of a pair get one direction.</summary>
    void ResolveBrackets(List<int> sequence, BidiClass embedding)
    {
        const int Deepest = 63;
        var open = new List<(int Closing, int Index)>();
        var pairs = new List<(int Open, int Close)>();
        for (var i = 0; i < sequence.Count && open.Count <= Deepest; i++)
        {
            var rune = runes[sequence[i]];
            var category = classes[sequence[i]] == ON ? Rune.GetUnicodeCategory(rune) : default;
            if (category == System.Globalization.UnicodeCategory.OpenPunctuation && Mirrored(rune) != rune)
            {
                open.Add((Canonical(Mirrored(rune)), i));
            }
            else if (category == System.Globalization.UnicodeCategory.ClosePunctuation && open.FindLastIndex(pair => pair.Closing == Canonical(rune)) is >= 0 and var match)
            {
                pairs.Add((open[match].Index, i));
                open.RemoveRange(match, open.Count - match);
            }
        }

        if (open.Count > Deepest)
        {
            return;
        }

        foreach (var (first, last) in pairs.Order())
        {
            var inside = sequence[(first + 1)..last].Select(Strong).Where(direction => direction is not null).ToHashSet();
            if (inside.Contains(embedding))
            {
                SetBrackets(sequence, first, last, embedding);
            }
            else if (inside.Count > 0)
            {
                var before = sequence[..first].Select(Strong).LastOrDefault(direction => direction is not null) ?? embedding;
                SetBrackets(sequence, first, last, before == embedding ? embedding : before);
            }
        }
    }

    void SetBrackets(List<int> sequence, int first, int last, BidiClass direction)
    {
        foreach (var bracket in (int[])[first, last])
        {
            classes[sequence[bracket]] = direction;
            // Marks on a bracket go with it.
            for (var i = bracket + 1; i < sequence.Count && original[sequence[i]] == NSM; i++)
            {
                classes[sequence[i]] = direction;
            }
        }
    }

    /// <summary>N1 and N2: neutral characters between two of one direction take that, others the paragraph's.</summary>
    void ResolveNeutral(List<int> sequence, BidiClass embedding)
    {
        for (var i = 0; i < sequence.Count; i++)
        {
            var end = i;
            while (end < sequence.Count && Strong(sequence[end]) is null)
            {
                end++;
            }

            var before = i == 0 ? embedding : Strong(sequence[i - 1])!.Value;
            var after = end == sequence.Count ? embedding : Strong(sequence[end])!.Value;
            sequence[i..end].ForEach(at => classes[at] = before == after ? before : embedding);
            i = Math.Max(i, end - 1);
        }
    }

    /// <returns>null for a neutral character. Numbers count as right to left: those in text from left to right were made L by W7.</returns>
    BidiClass? Strong(int at) => classes[at] switch { L => L, R or EN or AN => R, _ => null };

    // The two angle brackets of each kind are canonically equivalent.
    static int Canonical(Rune rune) => rune.Value switch { 0x2329 => 0x3008, 0x232A => 0x3009, var value => value };
}
