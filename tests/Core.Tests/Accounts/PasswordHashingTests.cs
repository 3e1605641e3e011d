using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace ControlPlane.Tests.Accounts;

/// <summary>Hashing a password takes a tenth of a second on purpose. A transaction that is open meanwhile would hold a connection and its locks for as long.</summary>
public partial class PasswordHashingTests
{
    [Fact]
    public void No_password_is_hashed_while_a_transaction_is_open() => Assert.Empty(
        from file in Directory.EnumerateFiles(Path.Combine(Root(), "src/Core"), "*.cs", SearchOption.AllDirectories)
        from line in HashesInTransactions(File.ReadAllLines(file))
        select $"{Path.GetFileName(file)}:{line}");

    [Fact]
    public void The_scan_knows_where_passwords_are_hashed() => Assert.Superset(
        new HashSet<string> { "PasswordAttempts.cs", "SignIn.cs", "SignUp.cs", "ChoosePassword.cs", "ChangeEmail.cs", "VerifyAddress.cs", "CopySchema.cs" },
        Directory.EnumerateFiles(Path.Combine(Root(), "src/Core"), "*.cs", SearchOption.AllDirectories)
            .Where(file => Hashing().IsMatch(File.ReadAllText(file))).Select(file => Path.GetFileName(file)).ToHashSet());

    [Theory]
    [InlineData("""
        {
            await using var transaction = await database.BeginAsync(tenant, ct);
            var hash = await passwords.HashAsync(password, origin, ct);
        }
        """, 1)]
    [InlineData("""
        {
            await using (var transaction = await database.BeginJobAsync(ct))
            {
                if (known)
                {
                }

                matches = await passwords.MatchesAsync(hash, password, origin, ct);
            }
        }
        """, 1)]
    [InlineData("""
        static async Task CreateLoginAsync(Transaction transaction, string password)
        {
            await transaction.ExecuteAsync($"alter role login password '{ScramVerifier.Of(password)}'", ct);
        }
        """, 1)]
    [InlineData("""
        {
            await using (var transaction = await database.BeginAsync(tenant, ct))
            {
                await transaction.CommitAsync(ct);
            }

            var hash = await passwords.HashAsync(password, origin, ct);
            await using var next = await database.BeginAsync(tenant, ct);
        }
        """, 0)]
    public void The_scan_finds_violations_and_nothing_else(string code, int violations) => Assert.Equal(violations, HashesInTransactions(code.Split('\n')).Count());

    /// <returns>Numbers of the lines.</returns>
    static IEnumerable<int> HashesInTransactions(string[] lines)
    {
        // Of each transaction that is open: the depth of its block.
        var (depth, open) = (0, new Stack<int>());
        foreach (var (index, line) in lines.Index())
        {
            if (open.Count > 0 && Hashing().IsMatch(line))
            {
                yield return index + 1;
            }

            if (Begins().IsMatch(line))
            {
                open.Push(line.Contains("using (", StringComparison.Ordinal) ? depth + 1 : depth);
            }
            else if (line.Contains("Transaction transaction", StringComparison.Ordinal) && lines.ElementAtOrDefault(index + 1)?.Trim() == "{")
            {
                open.Push(depth + 1);
            }

            depth += line.Count(character => character == '{') - line.Count(character => character == '}');
            while (line.Contains('}', StringComparison.Ordinal) && open.Count > 0 && open.Peek() > depth)
            {
                open.Pop();
            }
        }
    }

    static string Root([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../../.."));

    [GeneratedRegex(@"\bpasswords\.(?:Hash|Matches)Async\(|\battempts\.CheckAsync\(|\bScramVerifier\.Of\(")]
    private static partial Regex Hashing();

    [GeneratedRegex(@"await using \(?var \w+ = .*\.(?:Begin\w*|Open\w*)Async\(")]
    private static partial Regex Begins();
}
