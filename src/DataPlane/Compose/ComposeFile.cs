namespace ControlPlane.DataPlane.Compose;

/// <summary>The part of the Compose specification that environments use.</summary>
sealed record ComposeFile
{
    public required string Name { get; init; }
    public required Dictionary<string, ComposeService> Services { get; init; }
    public required Dictionary<string, ComposeNetwork> Networks { get; init; }
    public required Dictionary<string, ComposeVolume> Volumes { get; init; }
}

sealed record ComposeService
{
    /// <summary>Names of the networks within the file.</summary>
    public const string PrivateNetwork = "private", ModelNetwork = "models", GatewayNetwork = "gateway", WeightsNetwork = "weights", OutsideNetwork = "outside";

    public required string Image { get; init; }
    /// <summary>Services with a profile run only when they are asked for.</summary>
    public string[]? Profiles { get; init; }
    public string[]? Entrypoint { get; init; }
    public string[]? Command { get; init; }
    /// <summary>User and group by number; never root.</summary>
    public required string User { get; init; }
    /// <summary>null: never.</summary>
    public string? Restart { get; init; } = "unless-stopped";
    public Dictionary<string, DependsOn>? DependsOn { get; init; }
    public Dictionary<string, string>? Environment { get; init; }
    public Dictionary<string, string>? Labels { get; init; }
    public string[]? Volumes { get; init; }
    public string[] Networks { get; init; } = [PrivateNetwork];
    public string[]? ExtraHosts { get; init; }
    public required HealthCheck Healthcheck { get; init; }
    public required decimal Cpus { get; init; }
    public required string MemLimit { get; init; }
    public required int PidsLimit { get; init; }

    /// <summary>Higher than that of the platform's containers (deploy/vps/compose.yaml): when the host's memory is used up, the kernel ends processes of environments first.</summary>
    public int OomScoreAdj { get; init; } = 500;

    /// <summary>Who waits for a busy disk: the platform's database and control plane have 1000 (deploy/vps/compose.yaml), and the measuring container has none, which counts as 100 on cgroup v2.</summary>
    public BlkioConfig BlkioConfig { get; init; } = new(Weight: 10);

    /// <summary>Only volumes and <see cref="Tmpfs"/> are writable.</summary>
    public bool ReadOnly { get; init; } = true;
    public string[] Tmpfs { get; init; } = ["/tmp:size=256m"];
    public string[] CapDrop { get; init; } = ["ALL"];
    public string[] SecurityOpt { get; init; } = ["no-new-privileges:true"];

    /// <summary>No core dumps: they would contain secrets.</summary>
    public Dictionary<string, int> Ulimits { get; init; } = new() { ["core"] = 0 };
    public Logging Logging { get; init; } = new("json-file", new() { ["max-size"] = "10m", ["max-file"] = "3" });
    public Deploy? Deploy { get; init; }

    /// <summary>A service with its image, user, resource limits and health check.</summary>
    public static ComposeService Of(string image, string user, Size size, HealthCheck health) => new()
    {
        Image = image,
        User = user,
        Healthcheck = health,
        Cpus = size.Cpus,
        MemLimit = $"{size.MemoryMiB}m",
        PidsLimit = size.Pids,
    };
}

sealed record DependsOn(string Condition = "service_healthy");

/// <param name="StartPeriod">Failed checks within this time after the start are ignored.</param>
sealed record HealthCheck(string[] Test, string StartPeriod, string Interval = "15s", string Timeout = "10s", int Retries = 5);

sealed record Logging(string Driver, Dictionary<string, string> Options);

sealed record ComposeNetwork(string Name, bool External);

sealed record ComposeVolume
{
    public Dictionary<string, string>? DriverOpts { get; init; }
}

/// <param name="Weight">Share of a busy disk, 10 to 1000.</param>
sealed record BlkioConfig(int Weight);

sealed record Deploy(DeployResources Resources);

sealed record DeployResources(DeployReservations Reservations);

sealed record DeployReservations(Device[] Devices);

sealed record Device(string Driver, int Count, string[] Capabilities);
