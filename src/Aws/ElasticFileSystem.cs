using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Amazon;
using Amazon.Runtime;

namespace ControlPlane.Aws;

/// <summary>
/// The three calls of EFS that provisioning makes, by its REST interface (https://docs.aws.amazon.com/efs/latest/ug/api-reference.html).
/// What is throttled or fails on AWS' side is tried again.
/// </summary>
sealed class ElasticFileSystem(HttpClient http, AWSCredentials credentials, RegionEndpoint region, TimeProvider clock)
{
    const int MostAttempts = 6;
    const string AccessPoints = "/2015-02-01/access-points";

    readonly SigV4 _signer = new(region.SystemName, "elasticfilesystem");

    /// <exception cref="ElasticFileSystemException">Among others, <c>AccessPointAlreadyExists</c> with its id, and <c>AccessPointLimitExceeded</c>.</exception>
    public async Task<AccessPoint> CreateAsync(NewAccessPoint point, CancellationToken ct) =>
        Read(await SendAsync(HttpMethod.Post, AccessPoints, JsonSerializer.SerializeToUtf8Bytes(point, EfsJson.Default.NewAccessPoint), ct), EfsJson.Default.AccessPoint);

    /// <param name="query">One access point, <c>AccessPointId=…</c>, or those of a file system, <c>FileSystemId=…</c>.</param>
    public async Task<AccessPointPage> DescribeAsync(string query, CancellationToken ct) =>
        Read(await SendAsync(HttpMethod.Get, $"{AccessPoints}?{query}", [], ct), EfsJson.Default.AccessPointPage);

    public Task DeleteAsync(string id, CancellationToken ct) => SendAsync(HttpMethod.Delete, $"{AccessPoints}/{id}", [], ct);

    /// <returns>The body of the reply.</returns>
    async Task<byte[]> SendAsync(HttpMethod method, string path, byte[] body, CancellationToken ct)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await TryAsync(method, path, body, ct);
            }
            catch (Exception e) when (attempt < MostAttempts && MayPass(e, ct))
            {
                await Backoff.WaitAsync(attempt, clock, ct);
            }
        }
    }

    async Task<byte[]> TryAsync(HttpMethod method, string path, byte[] body, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(method, $"https://elasticfilesystem.{region.SystemName}.{region.PartitionDnsSuffix}{path}");
        if (body.Length > 0)
        {
            request.Content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
        }

        // Signed for each attempt: a signature is good for five minutes.
        var who = await credentials.GetCredentialsAsync();
        _signer.Sign(request, body, who, clock.GetUtcNow());
        using var response = await http.SendAsync(request, ct);
        var reply = await response.Content.ReadAsByteArrayAsync(ct);
        return response.IsSuccessStatusCode ? reply : throw Failure(response, reply);
    }

    // Every call may be repeated: creation has a token, and the others change nothing that is done.
    static bool MayPass(Exception e, CancellationToken ct) => e switch
    {
        ElasticFileSystemException { Status: HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError } or HttpRequestException => true,
        TaskCanceledException => !ct.IsCancellationRequested,
        _ => false,
    };

    static ElasticFileSystemException Failure(HttpResponseMessage response, byte[] reply)
    {
        var error = response.Content.Headers.ContentType?.MediaType?.EndsWith("json", StringComparison.Ordinal) == true
            ? Read(reply, EfsJson.Default.EfsError)
            : new EfsError();
        var type = response.Headers.TryGetValues("x-amzn-ErrorType", out var types) ? types.First().Split(':')[0] : null;
        return new ElasticFileSystemException(response.StatusCode, error.ErrorCode ?? type ?? response.StatusCode.ToString(), error.Message, error.AccessPointId);
    }

    static T Read<T>(byte[] json, JsonTypeInfo<T> type) => JsonSerializer.Deserialize(json, type) ?? throw new JsonException("EFS answered null.");
}

/// <param name="accessPointId">Where the error is about one.</param>
sealed class ElasticFileSystemException(HttpStatusCode status, string code, string? message, string? accessPointId) : Exception($"EFS: {code} ({(int)status}): {message}")
{
    public HttpStatusCode Status => status;
    public string Code => code;
    public string? AccessPointId => accessPointId;
}

sealed record AccessPoint(string AccessPointId, string LifeCycleState, string? ClientToken = null);

sealed record AccessPointPage(IReadOnlyList<AccessPoint> AccessPoints, string? NextToken = null);

sealed record NewAccessPoint(string ClientToken, string FileSystemId, PosixUser PosixUser, RootDirectory RootDirectory, IReadOnlyList<EfsTag> Tags);

sealed record PosixUser(int Uid, int Gid);

sealed record RootDirectory(string Path, CreationInfo CreationInfo);

sealed record CreationInfo(int OwnerUid, int OwnerGid, string Permissions);

sealed record EfsTag(string Key, string Value);

sealed record EfsError(string? ErrorCode = null, string? Message = null, string? AccessPointId = null);

[JsonSourceGenerationOptions(PropertyNameCaseInsensitive = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(AccessPoint))]
[JsonSerializable(typeof(AccessPointPage))]
[JsonSerializable(typeof(NewAccessPoint))]
[JsonSerializable(typeof(EfsError))]
[JsonSerializable(typeof(AccessPointTemplate))]
sealed partial class EfsJson : JsonSerializerContext;
