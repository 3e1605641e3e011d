using System.Collections.Frozen;
using System.Globalization;

namespace ControlPlane.Web.Signup;

static class SignupPolicySettings
{
    const string SlugRest = "CONTROLPLANE_SLUG_REST_DAYS";
    const string OneTrial = "CONTROLPLANE_ONE_TRIAL_PER_PERSON";
    const string Disposable = "CONTROLPLANE_DISPOSABLE_DOMAINS";

    /// <exception cref="SettingException">A setting is invalid; the message names it and says what to set.</exception>
    public static SignupPolicy Read(IConfiguration configuration)
    {
        var defaults = new SignupPolicy();
        return new SignupPolicy
        {
            SlugRest = configuration[SlugRest] switch
            {
                null or "" => defaults.SlugRest,
                var text when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var days) && days <= 3650 => TimeSpan.FromDays(days),
                var text => throw new SettingException($"{SlugRest} is \"{text}\": enter a number of days from 0 to 3650."),
            },
            OneTrialPerPerson = configuration[OneTrial] switch
            {
                null or "" or "false" => false,
                "true" => true,
                var text => throw new SettingException($"{OneTrial} is \"{text}\": enter true or false."),
            },
            DisposableDomains = configuration[Disposable] is { Length: > 0 } file ? ReadDomains(file) : [],
        };
    }

    // One domain per line; lines that begin with # are comments.
    static FrozenSet<string> ReadDomains(string file)
    {
        try
        {
            return File.ReadLines(file).Select(line => line.Trim().ToLowerInvariant()).Where(line => line.Length > 0 && line[0] != '#').ToFrozenSet();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SettingException($"{Disposable} is \"{file}\", which cannot be read: {e.Message}");
        }
    }
}
