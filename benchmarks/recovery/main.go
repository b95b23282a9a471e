// Copyright (c) 2026 Euystacio Meta Salvage contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Restores a tarball in Velero's format by Velero's own engine, without its server and its object store.
//
//	velero-restore TARBALL FROM TO QPS
//
// The cluster is that of KUBECONFIG. The namespace FROM of the tarball is restored as TO. QPS is the limit of requests for each second;
// the default of Velero's server is 100.
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/sirupsen/logrus"
	velerov1 "github.com/vmware-tanzu/velero/pkg/apis/velero/v1"
	"github.com/vmware-tanzu/velero/pkg/client"
	"github.com/vmware-tanzu/velero/pkg/discovery"
	"github.com/vmware-tanzu/velero/pkg/plugin/framework"
	"github.com/vmware-tanzu/velero/pkg/restore"
	"github.com/vmware-tanzu/velero/pkg/types"
	"github.com/vmware-tanzu/velero/pkg/util/kube"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(tarball, from, to, limit string) error {
	qps, err := strconv.Atoi(limit)
	if err != nil {
		return err
	}
	log := logrus.New()
	log.SetLevel(logrus.ErrorLevel)

	factory := client.NewFactory("bench", client.VeleroConfig{})
	factory.SetClientQPS(float32(qps))
	factory.SetClientBurst(qps)
	dynamic, err := factory.DynamicClient()
	if err != nil {
		return err
	}
	plain, err := factory.KubeClient()
	if err != nil {
		return err
	}
	discoverer, err := factory.DiscoveryClient()
	if err != nil {
		return err
	}
	typed, err := factory.KubebuilderClient()
	if err != nil {
		return err
	}
	helper, err := discovery.NewHelper(discoverer, log)
	if err != nil {
		return err
	}
	restorer, err := restore.NewKubernetesRestorer(
		helper, client.NewDynamicFactory(dynamic), types.Priorities{}, plain.CoreV1().Namespaces(), nil, time.Hour, 10*time.Minute,
		10*time.Minute, log, nil, plain.CoreV1().RESTClient(), nil, typed, nil,
	)
	if err != nil {
		return err
	}
	archive, err := os.Open(tarball)
	if err != nil {
		return err
	}
	defer archive.Close()

	name := metav1.ObjectMeta{Name: "bench", Namespace: to}
	backup := &velerov1.Backup{ObjectMeta: name, Status: velerov1.BackupStatus{FormatVersion: "1.1.0"}}
	wanted := &velerov1.Restore{
		ObjectMeta: name,
		Spec: velerov1.RestoreSpec{
			BackupName: "bench", IncludedNamespaces: []string{from}, NamespaceMapping: map[string]string{from: to},
		},
	}
	request := &restore.Request{
		Log: log, Restore: wanted, Backup: backup, BackupReader: archive,
		ResourceDeletionStatusTracker: kube.NewResourceDeletionStatusTracker(),
	}
	warnings, errors := restorer.RestoreWithResolvers(request, framework.NewRestoreItemActionResolverV2(nil), nil)
	if !warnings.IsEmpty() || !errors.IsEmpty() {
		return fmt.Errorf("warnings: %+v, errors: %+v", warnings, errors)
	}
	fmt.Println(len(request.RestoredItems))
	return nil
}
