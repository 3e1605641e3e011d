using System.Security.Cryptography;

namespace ControlPlane.Aws;

/// <summary>
/// One step of the rotation of the owner's password, as Secrets Manager calls them: createSecret, setSecret, testSecret, finishSecret
/// (https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html). Secrets Manager retries a failed step, so each
/// is idempotent, also after a partial run. The password is that of AWSCURRENT or AWSPENDING at all times.
/// </summary>
public sealed class RotateOwnerPassword(OwnerSecret secret, OwnerLogin login)
{
    const int Length = 40;

    /// <param name="version">The event's ClientRequestToken: the id of the version to promote.</param>
    /// <exception cref="InvalidOperationException">The step cannot run now; the message gives the reason and never contains a password.</exception>
    /// <exception cref="Npgsql.NpgsqlException">The database is unavailable; Secrets Manager will retry the step.</exception>
    public async Task RunAsync(string step, string secretId, string version, CancellationToken ct)
    {
        if (secretId != secret.Id)
        {
            throw new InvalidOperationException($"This function rotates {secret.Id}, not {secretId}.");
        }

        var described = await secret.DescribeAsync(ct);
        if (described.RotationEnabled == false)
        {
            throw new InvalidOperationException($"Rotation of {secret.Id} is turned off.");
        }

        if (!described.VersionIdsToStages.TryGetValue(version, out var labels))
        {
            throw new InvalidOperationException($"The secret {secret.Id} has no version {version}.");
        }

        if (labels.Contains(OwnerSecret.Current))
        {
            return;
        }

        if (!labels.Contains(OwnerSecret.Pending))
        {
            throw new InvalidOperationException($"Version {version} of {secret.Id} is not pending: another rotation has replaced it.");
        }

        await (step switch
        {
            "createSecret" => CreateAsync(version, ct),
            "setSecret" => ChangePasswordAsync(version, ct),
            "testSecret" => TestAsync(version, ct),
            "finishSecret" => secret.PromoteToCurrentAsync(
                version, described.VersionIdsToStages.Single(candidate => candidate.Value.Contains(OwnerSecret.Current)).Key, ct),
            _ => throw new InvalidOperationException($"A rotation has no step {step}."),
        });
    }

    async Task CreateAsync(string version, CancellationToken ct)
    {
        if (await secret.FindAsync(OwnerSecret.Pending, version, ct) is null)
        {
            await secret.AddAsync(version, RandomNumberGenerator.GetString("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", Length), ct);
        }
    }

    async Task ChangePasswordAsync(string version, CancellationToken ct)
    {
        var password = await ReadPendingPasswordAsync(version, ct);
        if (await login.CanSignInAsync(password, ct))
        {
            return;
        }

        foreach (var label in (string[])[OwnerSecret.Current, OwnerSecret.Previous])
        {
            if (await secret.FindAsync(label, null, ct) is { } known && await login.CanSignInAsync(known.Password, ct))
            {
                await login.ChangePasswordAsync(known.Password, password, ct);
                return;
            }
        }

        throw new InvalidOperationException(
            $"No version of {secret.Id} has the owner's current password. Set the password to that of AWSCURRENT with aws rds modify-db-instance --master-user-password, then rotate again.");
    }

    async Task TestAsync(string version, CancellationToken ct)
    {
        if (!await login.CanSignInAsync(await ReadPendingPasswordAsync(version, ct), ct))
        {
            throw new InvalidOperationException($"The database rejects the password of version {version} of {secret.Id}.");
        }
    }

    async Task<string> ReadPendingPasswordAsync(string version, CancellationToken ct) => (await secret.FindAsync(OwnerSecret.Pending, version, ct))?.Password
        ?? throw new InvalidOperationException($"Version {version} of {secret.Id} has no value yet.");
}
