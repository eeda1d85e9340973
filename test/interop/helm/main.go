// Command chart checks a Helm chart with Helm's own packages: chart lint CHART VALUES, chart template CHART VALUES.
//
// "template" prints what `helm template sealwire CHART --namespace tools --values VALUES` renders, with the notes at its
// end, and decodes each object strictly into the type of its kind. It exits with 1 if anything is wrong.
package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	"helm.sh/helm/v3/pkg/releaseutil"
	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
)

const namespace = "tools"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 3 {
		return errors.New("usage: chart lint|template CHART VALUES")
	}
	values, err := chartutil.ReadValuesFile(args[2])
	if err != nil {
		return err
	}
	switch args[0] {
	case "lint":
		return lintChart(args[1], values)
	case "template":
		return template(args[1], values)
	default:
		return fmt.Errorf("there is no command %s", args[0])
	}
}

// lintChart does what `helm lint --strict` does.
func lintChart(folder string, values chartutil.Values) error {
	var problems []error
	for _, message := range lint.All(folder, values, namespace, true).Messages {
		if message.Severity >= support.WarningSev {
			problems = append(problems, message)
		}
	}
	return errors.Join(problems...)
}

func template(folder string, values chartutil.Values) error {
	chart, err := loader.LoadDir(folder)
	if err != nil {
		return err
	}
	capabilities := chartutil.DefaultCapabilities.Copy()
	capabilities.KubeVersion = chartutil.KubeVersion{Version: "v1.29.0", Major: "1", Minor: "29"}
	if !chartutil.IsCompatibleRange(chart.Metadata.KubeVersion, capabilities.KubeVersion.String()) {
		return fmt.Errorf("the chart does not allow Kubernetes %s", capabilities.KubeVersion.Version)
	}
	options := chartutil.ReleaseOptions{Name: "sealwire", Namespace: namespace, Revision: 1, IsInstall: true}
	all, err := chartutil.ToRenderValues(chart, values, options, capabilities)
	if err != nil {
		return err
	}
	files, err := engine.Render(chart, all)
	if err != nil {
		return err
	}
	decoder, err := strictDecoder()
	if err != nil {
		return err
	}
	var notes string
	var problems []error
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if filepath.Base(path) == "NOTES.txt" {
			notes = files[path]
			continue
		}
		objects := releaseutil.SplitManifests(files[path])
		names := slices.Sorted(maps.Keys(objects))
		slices.SortFunc(names, func(one, other string) int { return number(one) - number(other) })
		for _, name := range names {
			object := strings.TrimSpace(objects[name])
			fmt.Printf("---\n# Source: %s\n%s\n", path, object)
			if _, _, err := decoder.Decode([]byte(object), nil, nil); err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", path, err))
			}
		}
	}
	for line := range strings.Lines("\n" + strings.TrimSpace(notes) + "\n") {
		fmt.Print(strings.TrimRight("# "+line, " \n"), "\n")
	}
	return errors.Join(problems...)
}

// number returns the place of an object in its file, by the name that Helm gives it.
func number(name string) int {
	var place int
	fmt.Sscanf(name, "manifest-%d", &place)
	return place
}

// strictDecoder refuses unknown kinds, unknown and repeated fields, and values of the wrong type.
func strictDecoder() (runtime.Decoder, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		apps.AddToScheme, batch.AddToScheme, core.AddToScheme, networking.AddToScheme, policy.AddToScheme, monitoring.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	options := json.SerializerOptions{Yaml: true, Strict: true}
	return json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, options), nil
}
