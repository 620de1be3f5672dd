namespace Gemma3Server.Hosting;

/// <summary>The pocket model that lies beside the program and is served when no other is configured.</summary>
internal static class EmbeddedModel
{
    /// <summary>Where the build and <c>dotnet publish</c> put it.</summary>
    public static string Path { get; } = System.IO.Path.Combine(AppContext.BaseDirectory, "Models", "gemma-3-pocket-it-qat-q4_0.gguf");

    /// <summary>What to say when it is served, so that nobody takes its answers for those of a real model.</summary>
    public const string Notice = "No model is configured: this is the built-in pocket model, for trying things out and for tests. "
        + "For a real Gemma 3: gemma3server pull 4b --source ggml-org, then --model 4b";

    /// <summary>Where real models are.</summary>
    public const string Advice = "Give a Gemma 3 GGUF file with --model FILE, or a name after gemma3server pull NAME (gemma3server list has the names). "
        + "To try the server without one: "
        + "gemma3server synth --shape 270m --out gemma-3-270m-synth.gguf";

    /// <summary>The settings, with this model where none is configured.</summary>
    /// <param name="options">Checked settings.</param>
    /// <param name="isEmbedded">Whether this model was put in.</param>
    public static Gemma3ServerOptions OrConfigured(Gemma3ServerOptions options, out bool isEmbedded)
    {
        isEmbedded = string.IsNullOrWhiteSpace(options.Model.Path) && File.Exists(Path);
        return isEmbedded ? options with { Model = options.Model with { Path = Path } } : options;
    }
}
