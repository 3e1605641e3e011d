using System.Security.Cryptography;

namespace ControlPlane.Aws;

/// <summary>
/// One step of the rotation of the owner's password, as Secrets Manager asks for them: createSecret, setSecret, testSecret, finishSecret
/// (https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html). It repeats a step that failed, so each may have
/// been done before, or half. At every moment the password is that of AWSCURRENT or of AWSPENDING.
/// </summary>
public sealed class RotateOwnerPassword(OwnerSecret secret, OwnerLogin login)
{
    const int Length = 40;

    /// <param name="version">The event's ClientRequestToken: the id of the version that is to come into force.</param>
    /// <exception cref="InvalidOperationException">The step cannot be done now; the message says why and never holds a password.</exception>
    /// <exception cref="Npgsql.NpgsqlException">The database is away; the step will be asked for again.</exception>
    public async Task RunAsync(string step, string secretId, string version, CancellationToken ct)
    {
        if (secretId != secret.Id)
        {
            throw new InvalidOperationException($"This function rotates {secret.Id} and not {secretId}.");
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
            throw new InvalidOperationException($"Version {version} of {secret.Id} is not pending: another rotation has taken its place.");
        }

        await (step switch
        {
            "createSecret" => CreateAsync(version, ct),
            "setSecret" => SetAsync(version, ct),
            "testSecret" => TestAsync(version, ct),
            "finishSecret" => secret.PromoteToCurrentAsync(
                version, described.VersionIdsToStages.Single(candidate => candidate.Value.Contains(OwnerSecret.Current)).Key, ct),
            _ => throw new InvalidOperationException($"There is no step {step} in a rotation."),
        });
    }

    async Task CreateAsync(string version, CancellationToken ct)
    {
        if (await secret.FindAsync(OwnerSecret.Pending, version, ct) is null)
        {
            await secret.AddAsync(version, RandomNumberGenerator.GetString("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", Length), ct);
        }
    }

    async Task SetAsync(string version, CancellationToken ct)
    {
        var password = await PendingAsync(version, ct);
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
            $"No version of {secret.Id} has the owner's password any more. Set it to that of AWSCURRENT with aws rds modify-db-instance --master-user-password, then rotate again.");
    }

    async Task TestAsync(string version, CancellationToken ct)
    {
        if (!await login.CanSignInAsync(await PendingAsync(version, ct), ct))
        {
            throw new InvalidOperationException($"The database does not take the password of version {version} of {secret.Id}.");
        }
    }

    async Task<string> PendingAsync(string version, CancellationToken ct) => (await secret.FindAsync(OwnerSecret.Pending, version, ct))?.Password
        ?? throw new InvalidOperationException($"Version {version} of {secret.Id} has no value yet.");
}
