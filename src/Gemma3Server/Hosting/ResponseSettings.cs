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
    /// The state directory that systemd gives to a service, or the user's (<c>XDG_STATE_HOME</c>, <c>~/.local/state</c>).
    /// </summary>
    public static string DefaultPath => PathIn(
        Environment.GetEnvironmentVariable("STATE_DIRECTORY"), Environment.GetEnvironmentVariable("XDG_STATE_HOME"),
        Environment.GetFolderPath(Environment.SpecialFolder.UserProfile));

    /// <summary>The same for given surroundings; the program's own folder where there are none.</summary>
    internal static string PathIn(string? serviceState, string? userState, string home)
    {
        const string File = "responses.db";
        if (!string.IsNullOrEmpty(serviceState)) return System.IO.Path.Combine(serviceState.Split(':')[0], File);

        // Relative paths are invalid there, says the XDG base directory specification.
        var state = System.IO.Path.IsPathRooted(userState)
            ? userState
            : System.IO.Path.Combine(home.Length > 0 ? home : AppContext.BaseDirectory, ".local", "state");
        return System.IO.Path.Combine(state, "gemma3server", File);
    }
}
