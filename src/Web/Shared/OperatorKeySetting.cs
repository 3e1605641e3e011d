namespace ControlPlane.Web.Shared;

/// <summary>The setting that replaces the first admin's operator key.</summary>
public static class OperatorKeySetting
{
    public const string Name = "CONTROLPLANE_OPERATOR_KEY";

    const int MinimumLength = 20;
    const double MinimumBits = 64;

    /// <exception cref="SettingException">The key is too short, too easy to guess, or a tenant's.</exception>
    public static void Validate(string key)
    {
        if (key.Length < MinimumLength || key.StartsWith(Credentials.TenantKeyPrefix, StringComparison.Ordinal))
        {
            throw new SettingException($"{Name} must have {MinimumLength} characters or more and not start with {Credentials.TenantKeyPrefix}.");
        }

        if (EstimateBits(key) < MinimumBits)
        {
            throw new SettingException($"{Name} is too easy to guess. Generate one with `openssl rand -base64 32`.");
        }
    }

    /// <summary>
    /// An estimate that finds keys typed without care: the entropy of the distribution of characters, for each pair of neighbours that has not occurred before and
    /// is neither a repetition nor a step in a sequence. Words cannot be told from random letters.
    /// </summary>
    internal static double EstimateBits(string key)
    {
        var perCharacter = key.GroupBy(c => c).Select(group => (double)group.Count() / key.Length).Sum(share => -share * Math.Log2(share));
        var newPairs = key.Zip(key.Skip(1)).Where(pair => Math.Abs(pair.First - pair.Second) > 1).Distinct().Count();
        return perCharacter * (1 + newPairs);
    }
}
