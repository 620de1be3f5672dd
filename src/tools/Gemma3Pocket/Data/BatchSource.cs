using System.Collections.Concurrent;
using Gemma3Pocket.Curriculum;

namespace Gemma3Pocket.Data;

/// <summary>Makes the batches of a run ahead of time on a thread of its own. A batch depends on the seed and the step only.</summary>
internal sealed class BatchSource : IDisposable
{
    private const int Ahead = 4;
    private const int Misses = 4;
    private readonly LessonEncoder _encoder;
    private readonly ulong _seed;
    private readonly int _rows;
    private readonly int _width;
    private readonly BlockingCollection<Batch> _ready = new(Ahead);
    private readonly CancellationTokenSource _stop = new();
    private readonly Thread _thread;

    public BatchSource(PocketVocabulary vocabulary, ulong seed, int rows, int width, int firstStep)
    {
        _encoder = new LessonEncoder(vocabulary);
        (_seed, _rows, _width) = (seed, rows, width);
        _thread = new Thread(() => Run(firstStep)) { IsBackground = true, Name = "batches" };
        _thread.Start();
    }

    /// <summary>The batch of the next step.</summary>
    public Batch Take() => _ready.Take();

    public void Dispose()
    {
        _stop.Cancel();
        _thread.Join();
        _ready.Dispose();
        _stop.Dispose();
    }

    /// <summary>The batch of a step.</summary>
    internal static Batch Make(LessonEncoder encoder, ulong seed, int step, int rows, int width)
    {
        var key = Mixed(seed * 0x9E3779B97F4A7C15 + (ulong)step);
        var lessons = new CurriculumGenerator(key, LessonSplit.Train);
        var packer = new LessonPacker(rows, width, new Random((int)(key >> 33)));
        // A few lessons that fit nowhere end the batch: going on until every gap is filled would prefer short lessons.
        for (var misses = 0; misses < Misses;)
        {
            var lesson = encoder.Encode(lessons.Next());
            // The last token of a lesson is a target only. What is longer than a row is not trained on; the log says how much that is.
            if (lesson.Tokens.Length <= width + 1 && !packer.TryAdd(lesson))
                misses++;
        }
        return packer.ToBatch();
    }

    /// <summary>Share of lessons that are longer than a row.</summary>
    public static double TooLong(PocketVocabulary vocabulary, int width)
    {
        const int Sample = 2000;
        var encoder = new LessonEncoder(vocabulary);
        var lessons = new CurriculumGenerator(0, LessonSplit.Train);
        return Enumerable.Range(0, Sample).Count(_ => encoder.Encode(lessons.Next()).Tokens.Length > width + 1) / (double)Sample;
    }

    private void Run(int firstStep)
    {
        try
        {
            for (var step = firstStep; ; step++)
                _ready.Add(Make(_encoder, _seed, step, _rows, _width), _stop.Token);
        }
        catch (OperationCanceledException)
        {
            // The run is over.
        }
        catch (Exception exception)
        {
            Console.Error.WriteLine(exception);
            _ready.CompleteAdding();
        }
    }

    /// <summary>Spreads neighbouring numbers over all 64 bits (the finalizer of SplitMix64).</summary>
    private static ulong Mixed(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}
