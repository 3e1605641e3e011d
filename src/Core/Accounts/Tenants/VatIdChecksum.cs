using System.Globalization;

namespace ControlPlane.Accounts.Tenants;

/// <summary>
/// Check digits of VAT identification numbers, by prefix, as the member states publish them (VIES documentation). Numbers of persons that sources
/// compute differently (Bulgaria with 10 digits, Czechia with 9 or 10, Latvia of residents) are not checked here: the register decides.
/// </summary>
static class VatIdChecksum
{
    /// <param name="number">Without the prefix, and in its format (<see cref="VatId"/>).</param>
    public static bool Holds(string prefix, string number) => !Rules.TryGetValue(prefix, out var holds) || holds(number);

    static readonly int[] CypriotEvenPlaces = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21];

    static readonly Dictionary<string, Func<string, bool>> Rules = new()
    {
        ["AT"] = number => Digit(number, ^1) == Modulo(6 - Luhn(number[1..^1]), 10),
        ["BE"] = number => (Number(number[..8]) + Number(number[8..])) % 97 == 0,
        ["BG"] = number => number.Length != 9 || Digit(number, ^1) == TwoPasses(number[..^1], i => i + 1, i => i + 3),
        ["CY"] = number => !number.StartsWith("12", StringComparison.Ordinal) && number[^1] == 'A' + Sum(number[..^1], (i, digit) => i % 2 == 0 ? CypriotEvenPlaces[digit] : digit) % 26,
        ["CZ"] = number => number.Length != 8 || Digit(number, ^1) == (Modulo(11 - Weighted(number[..^1], 8, 7, 6, 5, 4, 3, 2), 11) is var rest and > 0 ? rest % 10 : 1),
        ["DE"] = Mod11And10,
        ["DK"] = number => Weighted(number, 2, 7, 6, 5, 4, 3, 2, 1) % 11 == 0,
        ["EE"] = number => Weighted(number, 3, 7, 1, 3, 7, 1, 3, 7, 1) % 10 == 0,
        ["EL"] = number => Digit(number, ^1) == Weighted(number[..^1], 256, 128, 64, 32, 16, 8, 4, 2) % 11 % 10,
        ["ES"] = Spanish,
        ["FI"] = number => Weighted(number, 7, 9, 10, 5, 8, 4, 2, 1) % 11 == 0,
        ["FR"] = French,
        ["HR"] = Mod11And10,
        ["HU"] = number => Weighted(number, 9, 7, 3, 1, 9, 7, 3, 1) % 10 == 0,
        ["IE"] = Irish,
        ["IT"] = number => Number(number[..7]) > 0 && Luhn(number, doubled: 1) % 10 == 0,
        ["LT"] = number => number[^2] == '1' && Digit(number, ^1) == TwoPasses(number[..^1], i => 1 + (i % 9), i => 1 + ((i + 2) % 9)),
        ["LU"] = number => Number(number[..6]) % 89 == Number(number[6..]),
        // Companies begin with 4 or more; others are personal codes.
        ["LV"] = number => number[0] <= '3' || Weighted(number, 9, 1, 4, 8, 3, 10, 2, 5, 7, 6, 1) % 11 == 3,
        ["MT"] = number => Weighted(number, 3, 4, 6, 7, 8, 9, 10, 1) % 37 == 0,
        ["NL"] = number => Weighted(number[..9], 9, 8, 7, 6, 5, 4, 3, 2, -1) % 11 == 0 || Mod97And10("NL" + number),
        ["PL"] = number => Modulo(Weighted(number, 6, 5, 7, 2, 3, 4, 5, 6, 7, -1), 11) == 0,
        ["PT"] = number => number[0] != '0' && Digit(number, ^1) == Modulo(11 - Weighted(number[..^1], 9, 8, 7, 6, 5, 4, 3, 2), 11) % 10,
        ["RO"] = number => Digit(number, ^1) == 10 * Weighted(number[..^1].PadLeft(9, '0'), 7, 5, 3, 2, 1, 7, 5, 3, 2) % 11 % 10,
        ["SE"] = number => Luhn(number[..10], doubled: 0) % 10 == 0,
        ["SI"] = number => number[0] != '0' && (11 - (Weighted(number[..^1], 8, 7, 6, 5, 4, 3, 2) % 11)) is var check && (check == 10 ? 0 : check) == Digit(number, ^1),
        ["SK"] = number => number[0] != '0' && number[2] is '2' or '3' or '4' or '7' or '8' or '9' && Number(number) % 11 == 0,
        ["XI"] = British,
    };

    const string SpanishPersons = "TRWAGMYFPDXBNJZSQVHLCKE";
    const string SpanishCompanies = "JABCDEFGHI";

    // Persons: a letter by the rest of 23. Companies: a digit or its letter, by Luhn; which of them depends on the kind, and sources disagree on how.
    static bool Spanish(string number) => number[0] switch
    {
        >= '0' and <= '9' => number[^1] == SpanishPersons[(int)(Number(number[..^1]) % 23)],
        'X' or 'Y' or 'Z' => number[^1] == SpanishPersons[(int)(Number($"{number[0] - 'X'}{number[1..^1]}") % 23)],
        'K' or 'L' or 'M' => number[^1] == SpanishPersons[(int)(Number(number[1..^1]) % 23)],
        'I' or 'O' or 'T' => false,
        _ when Modulo(-Luhn(number[1..^1], doubled: 0), 10) is var check => number[^1] == '0' + check || number[^1] == SpanishCompanies[check],
        _ => false,
    };

    const string FrenchLetters = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ";

    // Two digits, or a newer key with a letter. A company of Monaco has no SIREN, so its nine digits are not checked by themselves.
    static bool French(string number)
    {
        var company = Number(number[2..]);
        if (char.IsAsciiDigit(number[0]) && char.IsAsciiDigit(number[1]))
        {
            return ((company * 100) + 12) % 97 == Number(number[..2]);
        }

        var (first, second) = (FrenchLetters.IndexOf(number[0], StringComparison.Ordinal), FrenchLetters.IndexOf(number[1], StringComparison.Ordinal));
        var key = char.IsAsciiDigit(number[0]) ? (first * 24) + second - 10 : (first * 34) + second - 100;
        return (company + 1 + (key / 11)) % 11 == key % 11;
    }

    const string IrishLetters = "WABCDEFGHIJKLMNOPQRSTUV";

    // Before 2013 the second character could be a letter; the first one then counts as the last.
    static bool Irish(string number)
    {
        var digits = char.IsAsciiDigit(number[1]) ? number[..7] : $"0{number[2..7]}{number[0]}";
        var extra = number.Length == 9 ? IrishLetters.IndexOf(number[8], StringComparison.Ordinal) : 0;
        return number[7] == IrishLetters[(Weighted(digits, 8, 7, 6, 5, 4, 3, 2) + (9 * extra)) % 23];
    }

    static bool British(string number) => number[0] switch
    {
        'G' => Number(number[2..]) < 500,
        'H' => Number(number[2..]) >= 500,
        _ => Weighted(number[..9], 8, 7, 6, 5, 4, 3, 2, 10, 1) % 97 is var rest && (rest == 0 || (number[0] != '0' && rest is 42 or 55)),
    };

    /// <summary>ISO 7064, MOD 11,10.</summary>
    static bool Mod11And10(string number)
    {
        var check = 5;
        foreach (var digit in number)
        {
            check = ((check == 0 ? 10 : check) * 2 % 11 + (digit - '0')) % 10;
        }

        return check == 1;
    }

    /// <summary>ISO 7064, MOD 97-10; letters count from 10.</summary>
    static bool Mod97And10(string number) =>
        number.Aggregate(0, (rest, c) => ((rest * (char.IsAsciiDigit(c) ? 10 : 100)) + (char.IsAsciiDigit(c) ? c - '0' : c - 'A' + 10)) % 97) == 1;

    /// <param name="doubled">0: the digits at even places, counted from 0, are doubled; 1: those at odd places.</param>
    static int Luhn(string number, int doubled = 1) =>
        Sum(number, (i, digit) => i % 2 == doubled ? (digit * 2 / 10) + (digit * 2 % 10) : digit);

    static int TwoPasses(string number, Func<int, int> first, Func<int, int> second) =>
        Sum(number, (i, digit) => first(i) * digit) % 11 is var check and < 10 ? check : Sum(number, (i, digit) => second(i) * digit) % 11 % 10;

    static int Weighted(string number, params int[] weights) => Sum(number, (i, digit) => weights[i] * digit);

    static int Sum(string number, Func<int, int, int> term) => Enumerable.Range(0, number.Length).Sum(i => term(i, number[i] - '0'));

    static int Digit(string number, Index at) => number[at] - '0';

    static long Number(string digits) => long.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture);

    static int Modulo(int value, int modulus) => ((value % modulus) + modulus) % modulus;
}
