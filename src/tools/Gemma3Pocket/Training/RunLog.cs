using System.Globalization;

namespace Gemma3Pocket.Training;

/// <summary>The log of a run: appended to <c>log.txt</c> of its directory and shown.</summary>
internal sealed class RunLog(string directory) : IDisposable
{
    private readonly StreamWriter _file = new(Path.Combine(directory, "log.txt"), append: true) { AutoFlush = true };

    /// <summary>Adds a line.</summary>
    public void Write(FormattableString line)
    {
        var text = line.ToString(CultureInfo.InvariantCulture);
        _file.WriteLine(text);
        Console.Out.WriteLine(text);
    }

    public void Dispose() => _file.Dispose();
}
