using System.Globalization;

namespace Gemma3Pocket.Curriculum;

/// <summary>
/// The pocket model's vocabulary: Gemma's own ids up to the byte pieces (the runs of line breaks and spaces and the HTML tags among them),
/// then learned pieces from the best score to the worst, then single characters.
/// </summary>
/// <remarks>The learned pieces are the embedded <c>vocabulary.txt</c>, so that a change of the curriculum moves no id.</remarks>
public sealed class PocketVocabulary
{
    /// <summary>Id of <c>&lt;pad&gt;</c>.</summary>
    public const int Pad = 0;

    /// <summary>Id of <c>&lt;eos&gt;</c>.</summary>
    public const int EndOfSequence = 1;

    /// <summary>Id of <c>&lt;bos&gt;</c>.</summary>
    public const int BeginOfSequence = 2;

    /// <summary>Id of <c>&lt;unk&gt;</c>.</summary>
    public const int Unknown = 3;

    /// <summary>Id of <c>&lt;start_of_turn&gt;</c>.</summary>
    public const int StartOfTurn = 105;

    /// <summary>Id of <c>&lt;end_of_turn&gt;</c>.</summary>
    public const int EndOfTurn = 106;

    /// <summary>Id of the first byte piece, <c>&lt;0x00&gt;</c>.</summary>
    public const int FirstByte = 238;

    /// <summary>Id of the best learned piece.</summary>
    public const int FirstPiece = 494;

    internal const int Normal = 1;
    internal const int Control = 3;
    internal const int UserDefined = 4;
    internal const int Byte = 6;
    internal const char Space = '▁';

    /// <summary>A whole number of blocks for the matrix kernels.</summary>
    internal const int SizeMultiple = 32;

    private const int FirstNewlines = 107;
    private const int FirstSpaces = 138;
    private const int FirstTag = 168;
    private const int LongestRun = 31;
    private const float AddedTokenScore = -1000;

    // Ids 168 to 237, in Gemma's order. A word that stands twice in a group would be a mistake: ids are positions here.
    private static readonly string[] Tags =
    [
        .. Pairs("table caption thead tbody tfoot tr th td"),
        .. Pairs("h1 h2 h3 h4 h5 h6 blockquote"),
        .. Pairs("strong em b i u s sub sup code"),
        .. Pairs("a html body img span bbox ul li div iframe footer"),
    ];

    private readonly PocketPiece[] _pieces;

    internal PocketVocabulary(IReadOnlyList<string> learned)
    {
        var pieces = new List<PocketPiece>(LeadingPieces());
        foreach (var text in learned.Concat(Characters.Select(c => c.ToString())))
            pieces.Add(new PocketPiece(text, FirstPiece - 1 - pieces.Count, Normal));
        for (var unused = Unused(FirstPiece); pieces.Count % SizeMultiple != 0; unused++)
            pieces.Add(new PocketPiece(UnusedText(unused), AddedTokenScore, Control));
        _pieces = [.. pieces];
    }

    /// <summary>All pieces; the index is the id.</summary>
    public IReadOnlyList<PocketPiece> Pieces => _pieces;

    /// <summary>The number of pieces, a multiple of 32.</summary>
    public int Count => _pieces.Length;

    /// <summary>What every text can be split into: printable ASCII, with <c>▁</c> for the space.</summary>
    internal static IReadOnlyList<char> Characters { get; } = [Space, .. Enumerable.Range('!', '~' - '!' + 1).Select(c => (char)c)];

    /// <summary>The vocabulary that lies in the assembly.</summary>
    public static PocketVocabulary Load()
    {
        using var stream = typeof(PocketVocabulary).Assembly.GetManifestResourceStream("vocabulary.txt")
            ?? throw new InvalidOperationException("The assembly lacks vocabulary.txt.");
        using var reader = new StreamReader(stream);
        return new PocketVocabulary(reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    private static IEnumerable<PocketPiece> LeadingPieces()
    {
        string[] first = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"];
        foreach (var text in first)
            yield return new PocketPiece(text, AddedTokenScore, Control);
        yield return new PocketPiece("[multimodal]", AddedTokenScore, UserDefined);
        for (var id = first.Length + 1; id < StartOfTurn; id++)
            yield return new PocketPiece(UnusedText(Unused(id)), AddedTokenScore, Control);
        yield return new PocketPiece("<start_of_turn>", AddedTokenScore, Control);
        yield return new PocketPiece("<end_of_turn>", AddedTokenScore, Control);
        for (var id = FirstNewlines; id < FirstSpaces; id++)
            yield return new PocketPiece(new string('\n', id - FirstNewlines + 1), AddedTokenScore, UserDefined);
        // A single space is an ordinary piece. Runs are matched before the text is escaped, hence spaces and not ▁.
        for (var id = FirstSpaces; id < FirstTag; id++)
            yield return new PocketPiece(new string(' ', id - FirstSpaces + 2), AddedTokenScore, UserDefined);
        foreach (var tag in Tags)
            yield return new PocketPiece($"<{tag}>", AddedTokenScore, UserDefined);
        for (var value = 0; value < 256; value++)
            yield return new PocketPiece(string.Create(CultureInfo.InvariantCulture, $"<0x{value:X2}>"), 0, Byte);
    }

    private static int Unused(int id) => id < StartOfTurn ? id - 6 : StartOfTurn - 6;

    private static string UnusedText(int number) => string.Create(CultureInfo.InvariantCulture, $"<unused{number}>");

    private static IEnumerable<string> Pairs(string names)
    {
        var opening = names.Split(' ');
        return opening.Concat(opening.Select(name => "/" + name));
    }
}
