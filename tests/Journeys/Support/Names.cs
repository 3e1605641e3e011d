using System.Security.Cryptography;

namespace ControlPlane.Tests.Support;

/// <summary>Unique names: roles and databases belong to the whole cluster, and tests run in parallel.</summary>
static class Names
{
    /// <summary>The prefix and 10 random letters and digits. Valid as a database name and, if the prefix starts with a letter, as a slug.</summary>
    public static string Random(string prefix) => prefix + RandomNumberGenerator.GetString("abcdefghijklmnopqrstuvwxyz0123456789", 10);
}
