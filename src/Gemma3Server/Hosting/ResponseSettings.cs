using System.ComponentModel.DataAnnotations;

namespace Gemma3Server.Hosting;

/// <summary>What is kept of the Responses API.</summary>
internal sealed record ResponseSettings
{
    /// <summary>Stands for <see cref="DefaultPath"/>.</summary>
    public const string Auto = "auto";

    /// <summary>
    /// The database file; <c>auto</c> = <see cref="DefaultPath"/>, or memory where that cannot be used; empty = memory, so that a restart
    /// forgets all.
    /// </summary>
    public string Path { get; init; } = Auto;

    /// <summary>Days after its last use until a response is forgotten; 0 = never. 30 is what OpenAI keeps them.</summary>
    [Range(0, 36_500)]
    public int RetentionDays { get; init; } = 30;

    /// <summary>Most responses that are kept; the longest unused go first. 10,000 of a few KB each are tens of MB.</summary>
    [Range(1, 100_000_000)]
    public int MostStored { get; init; } = 10_000;

    /// <summary>
    /// The state directory that systemd gives to a service, or the user's (<c>XDG_STATE_HOME</c>, <c>~/.local/state</c>), with the program's name.
    /// </summary>
    public static string DefaultPath
    {
        get
        {
            const string Name = "gemma3server";
            if (Given("STATE_DIRECTORY") is { } service) return System.IO.Path.Combine(service.Split(':')[0], "responses.db");
            var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
            if (home.Length == 0) home = AppContext.BaseDirectory;
            var state = Given("XDG_STATE_HOME") ?? System.IO.Path.Combine(home, ".local", "state");
            return System.IO.Path.Combine(state, Name, "responses.db");
        }
    }

    private static string? Given(string variable) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value && System.IO.Path.IsPathRooted(value) ? value : null;
}
